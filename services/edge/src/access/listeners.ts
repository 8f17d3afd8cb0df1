import { readFile } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import { createTlsListener, createWsListener, type Listener } from '@linchpin/sip';
import type { AccessEdgeConfigurationSpec } from '@linchpin/topology';
import type { EdgeConfig } from '../config.ts';
import type { Access } from './access.ts';

/** The two doors for remote clients: SIP over TLS and SIP over secure WebSocket (RFC 7118). */
export interface Listeners {
  open(): Promise<void>;
  list(): readonly Listener[];
  /** Takes no more connections; those that are open stay. */
  refuse(): void;
  /** Takes over what the AccessEdgeConfiguration says, for open connections too. */
  limit(): void;
  /** Reads the certificate again, for handshakes from now on. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

async function readTls({ cert, key }: EdgeConfig['sipTls']): Promise<SecureContextOptions> {
  const [certPem, keyPem] = await Promise.all([readFile(cert), readFile(key)]);
  return { cert: certPem, key: keyPem, minVersion: 'TLSv1.2' };
}

const limitsOf = (spec: AccessEdgeConfigurationSpec) => ({
  connections: spec.maxConnections,
  connectionsPerSource: spec.maxConnectionsPerSource,
  halfOpenSeconds: spec.halfOpenSeconds,
  idleSeconds: spec.idleSeconds,
  messageSeconds: spec.messageSeconds,
});

export function createListeners(
  config: EdgeConfig,
  access: Access,
  settings: () => AccessEdgeConfigurationSpec,
): Listeners {
  const open: Listener[] = [];
  return {
    async open() {
      const limits = { ...limitsOf(settings()), message: { body: config.bodyBytes } };
      const options = { tls: await readTls(config.sipTls), limits, ...access };
      const { accessTls, accessWss } = config.listeners;
      const sentBy = config.advertised === undefined ? {} : { sentBy: config.advertised };
      open.push(await createTlsListener({ name: 'access-tls', ...accessTls, ...sentBy, ...options }));
      open.push(await createWsListener({ name: 'access-wss', ...accessWss, ...options }));
    },
    list: () => open,
    refuse() {
      for (const listener of open) listener.stopListening?.();
    },
    limit() {
      for (const listener of open) listener.setLimits?.(limitsOf(settings()));
    },
    async reload() {
      const tls = await readTls(config.sipTls);
      for (const listener of open) listener.setTls?.(tls);
    },
    async close() {
      await Promise.all(open.splice(0).map((listener) => listener.close()));
    },
  };
}
