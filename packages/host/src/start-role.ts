import { certificatesIn } from './certificate-files.ts';
import type { HostConfig } from './config.ts';
import { createDrain, type Drain } from './drain/drain.ts';
import { exposeDrain } from './drain/drain-metrics.ts';
import { addPodService } from './drain/pod-rpc.ts';
import { createHost, type OwnedHost } from './host.ts';
import { createHttpServer, type HttpServer } from './http.ts';
import { createLog, type Logger } from './log.ts';
import { exposeCertificates, exposeConfigVersion } from './metrics.ts';
import type { Endpoint, Host, Role } from './role.ts';

export interface StartRole<C extends HostConfig> {
  role: string;
  version: string;
  config: C;
  create(config: C, host: Host): Role | Promise<Role>;
  /** Tests give a silent one. */
  log?: Logger;
}

/** A role that runs in this process: `runRole` without command line, signals and exit codes; tests use it. */
export interface StartedRole {
  readonly host: Host;
  readonly role: Role;
  /** With real ports. */
  readonly rpc: Endpoint;
  readonly http: Endpoint;
  /** Readiness off, then the role's own drain, at most `drainSeconds`. Joins one that is under way. */
  drain(why?: string): Promise<void>;
  /** Resolves when a drain is over, whoever began it: an administrator may by RPC. The process has to end then. */
  readonly drained: Promise<void>;
  /** Ends a drain that is under way, whatever is left. */
  cutDrain(): void;
  stop(): Promise<void>;
  /** Certificates. */
  reload(): Promise<void>;
}

export async function startRole<C extends HostConfig>(options: StartRole<C>): Promise<StartedRole> {
  const { config } = options;
  const log = options.log ?? createLog({ role: options.role, name: config.name, level: config.log.level });
  const host = await createHost(config, { role: options.role, version: options.version, log });
  const parts: Parts = { host };
  try {
    await start(options, parts);
  } catch (error) {
    await stop(parts);
    throw error;
  }
  return startedRole(parts as Required<Parts>, config);
}

/** What there is so far, so that a start that fails halfway can be undone. */
interface Parts {
  host: OwnedHost;
  http?: HttpServer;
  role?: Role;
  drain?: Drain;
}

// The probes are answered first and the RPC port opens last: nobody calls a role that is not ready for it.
async function start<C extends HostConfig>({ config, create }: StartRole<C>, parts: Parts): Promise<void> {
  const { host } = parts;
  const status = () => describe(parts, config);
  parts.http = await createHttpServer({ ...config.http, health: host.health, metrics: host.metrics, status });
  const role = await create(config, host);
  parts.role = role;
  exposeCertificates(
    host.metrics,
    certificatesIn(config).map(({ cert }) => cert),
  );
  exposeConfigVersion(host.metrics, () => role.configVersion());
  parts.drain = drainOf(role, host, config);
  await role.start();
  await host.rpc.listen();
  role.serving?.(rpcEndpoint(parts, config));
  host.health.enter('running');
}

function startedRole(parts: Required<Parts>, config: HostConfig): StartedRole {
  const { host, role, drain } = parts;
  return {
    host,
    role,
    rpc: rpcEndpoint(parts, config),
    http: httpEndpoint(parts, config),
    drain: (why = 'asked to') => drain.begin(why),
    drained: drain.over,
    cutDrain: drain.cut,
    stop: () => stop(parts),
    async reload() {
      await host.mtls.reload();
      await role.reload?.();
    },
  };
}

function drainOf(role: Role, { name, health, log, metrics, rpc }: OwnedHost, config: HostConfig): Drain {
  const drain = createDrain({
    limitMs: config.drainSeconds * 1000,
    log,
    enter: () => health.enter('draining'),
    run: async (draining) => role.drain(draining),
  });
  exposeDrain(metrics, drain);
  addPodService(rpc, name, drain);
  return drain;
}

// What fails to close must not keep the rest open.
async function stop({ host, http, role }: Parts): Promise<void> {
  for (const close of [() => role?.stop(), () => host.close(), () => http?.close()]) {
    try {
      await close();
    } catch (error) {
      host.log.error({ err: error }, 'could not stop cleanly');
    }
  }
}

function describe(parts: Parts, config: HostConfig): Record<string, unknown> {
  const { host, role, drain } = parts;
  const own = [rpcEndpoint(parts, config), httpEndpoint(parts, config)];
  return {
    role: host.role,
    name: host.name,
    pid: process.pid,
    version: host.version,
    configVersion: role?.configVersion() ?? 0,
    health: host.health.state,
    drain: drain?.report(),
    endpoints: [...own, ...(role?.endpoints() ?? [])],
    ...role?.describe?.(),
  };
}

const rpcEndpoint = ({ host }: Parts, { rpc }: HostConfig): Endpoint => ({
  name: 'rpc',
  protocol: 'grpc',
  address: rpc.address,
  port: host.rpc.port || rpc.port,
});

const httpEndpoint = ({ http }: Parts, config: HostConfig): Endpoint => ({
  name: 'http',
  protocol: 'http',
  address: config.http.address,
  port: http?.port ?? config.http.port,
});
