import type { Host } from '@linchpin/host';
import type { Members } from '@linchpin/topology';
import { type Backup, createBackup } from './backup/backup.ts';
import type { FrontendConfig } from './config.ts';
import { createFabric, type Fabric } from './fabric/fabric.ts';
import type { Telemetry } from './telemetry.ts';

/** Where the state of users is kept, and who serves whom. */
export interface UserStore {
  fabric: Fabric;
  backup: Backup;
}

export interface UserStoreParts {
  config: FrontendConfig;
  host: Host;
  members: Members;
  onWrite: Telemetry['write'];
  /** How many are signed in here. */
  served(): { users: number; registrations: number };
}

/** `given` is what a test puts in the place of the fabric. */
export function createUserStore(parts: UserStoreParts, given?: Fabric): UserStore {
  const { config, host, members, onWrite, served } = parts;
  const { log, name: pod } = host;
  const backup = createBackup({
    postgres: host.postgres,
    pool: config.pool,
    pod,
    source: { entry: (key) => fabric.entry(key), entriesOfGroup: (group) => fabric.entriesOfGroup(group) },
    health: host.health,
    log,
    metrics: host.metrics,
  });
  const fabric: Fabric =
    given ??
    createFabric({
      nats: host.nats(),
      members,
      pool: config.pool,
      pod,
      replicas: config.state.replicas,
      patience: config.state.patienceSeconds * 1000,
      onWrite,
      backup,
      figures: () => ({ backupLag: backup.lag(), ...served() }),
      log,
    });
  return { fabric, backup };
}
