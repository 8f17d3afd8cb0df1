import type { z } from 'zod';
import { certificatesIn } from './certificate-files.ts';
import type { HostConfig } from './config.ts';
import { configPath, portKeys, readArguments, readConfig } from './config-file.ts';
import { EXIT, HostError } from './host-error.ts';
import { createLog, type Logger } from './log.ts';
import type { Migrations } from './migrations/migrate.ts';
import { type DatabaseMigrations, migrateOnce } from './migrations/migrate-once.ts';
import { dieOfDefects, followSignals, logGrpc } from './process-life.ts';
import type { Host, Role } from './role.ts';
import { type StartedRole, startRole } from './start-role.ts';

export interface RoleMain<C extends HostConfig> {
  role: string;
  version: string;
  /** `hostConfig.extend({ … })` */
  schema: z.ZodType<C>;
  create(config: C, host: Host): Role | Promise<Role>;
  /** The tables that the role owns, in more than one database where it is a list: `--migrate` brings them up to this release and ends. */
  migrations?: Migrations | readonly DatabaseMigrations<C>[];
}

/**
 * The whole life of a role's process: `--config file.yaml` or LINCHPIN_CONFIG, then until a signal.
 * SIGTERM or SIGINT: drain, stop, exit 0; the second one: exit at once. SIGHUP, or other content of their files: read the
 * certificates again.
 * With LINCHPIN_SUPERVISED=1 SIGINT is left to the supervisor, and the end of stdin, that is of the supervisor,
 * stops the role. With `--migrate` it only brings the role's tables up to this release. Exit codes: see EXIT.
 */
export async function runRole<C extends HostConfig>(main: RoleMain<C>): Promise<void> {
  const config = await readRoleConfig(main).catch(exitFor);
  const log = createLog({ role: main.role, name: config.name, level: config.log.level });
  dieOfDefects(log);
  if (readArguments(process.argv.slice(2)).migrate)
    return migrateOnce(config, main.migrations, log).catch((error) => exitFor(error, log));
  logGrpc(log);
  const life = followSignals(log);
  try {
    life.started(await startRole({ ...main, config, log }));
    life.followCertificates(certificatesIn(config).flatMap((pem) => Object.values(pem)));
    log.info({ version: main.version, startMs: Math.round(performance.now()) }, 'started');
  } catch (error) {
    exitFor(explain(error, config), log);
  }
}

async function readRoleConfig<C extends HostConfig>({ role, schema }: RoleMain<C>): Promise<C> {
  const path = configPath(process.argv.slice(2), process.env);
  const config = await readConfig(path, schema, process.env);
  if (config.role === role) return config;
  throw new HostError(`${path}: role: is "${config.role}", this is "${role}"`, EXIT.config);
}

/** Errors of `listen` name a port; the person knows it by its key in the configuration. */
function explain(error: unknown, config: HostConfig): unknown {
  const { code, port } = error as { code?: string; port?: number };
  if (port === undefined) return error;
  const where = `port ${port} (${portKeys(config, port).join(', ') || 'not in the configuration'})`;
  if (code === 'EADDRINUSE') return new HostError(`${where} is taken by another process`, EXIT.portTaken);
  if (code === 'EACCES') return new HostError(`${where} may not be opened by this user`, EXIT.noPermission);
  return error;
}

// Known mistakes go to stderr as one readable line too; a defect keeps its stack, in the log.
function exitFor(error: unknown, log?: Logger): never {
  const known = error instanceof HostError;
  log?.fatal(known ? {} : { err: error }, (error as Error).message);
  if (known || !log) process.stderr.write(`${known ? error.message : (error as Error).stack}\n`);
  process.exit(known ? error.exitCode : EXIT.internal);
}

export type { StartedRole };
