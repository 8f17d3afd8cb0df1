import type { HostConfig } from './config.ts';
import { createHealth, type Health } from './health.ts';
import { EXIT, HostError } from './host-error.ts';
import type { Logger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createMtls } from './mtls.ts';
import { createNatsLink, type NatsLink } from './nats-link.ts';
import { createPostgres } from './postgres.ts';
import type { Host } from './role.ts';
import { createRpcServer } from './rpc-server.ts';

export interface HostIdentity {
  role: string;
  version: string;
  log: Logger;
}

export interface OwnedHost extends Host {
  /** Closes what the host has opened, after the role was stopped. */
  close(): Promise<void>;
}

/** Every part that a role can ask for. Nothing here waits for another process. */
export async function createHost(
  config: HostConfig,
  { role, version, log }: HostIdentity,
): Promise<OwnedHost> {
  const { name, dataDir } = config;
  const health = createHealth();
  const mtls = await createMtls(config.tls);
  const rpc = createRpcServer({ ...config.rpc, mtls, health, log });
  const metrics = createMetrics({ role, pod: name });
  const postgres = config.postgres && (await createPostgres(config.postgres, name, log));
  const nats = config.nats && createNatsLink({ ...config.nats, tls: config.tls, name, role, log });
  if (nats) followNats(nats, health, log);
  return {
    ...{ name, role, version, dataDir, log, metrics, health, mtls, rpc, postgres },
    nats: () => nats ?? missing('nats'),
    async close() {
      await rpc.stop();
      await nats?.close();
      await postgres?.end();
    },
  };
}

function followNats(nats: NatsLink, health: Health, log: Logger): void {
  health.set('nats', false, 'not connected yet');
  nats.onConnected((connection) => {
    log.info({ server: connection.getServer() }, 'connected to NATS');
    health.set('nats', true);
  });
  nats.onDisconnected(() => {
    log.warn('NATS is away');
    health.set('nats', false, 'not connected');
  });
}

function missing(key: string): never {
  throw new HostError(`${key}: this role needs it in its configuration`, EXIT.config);
}
