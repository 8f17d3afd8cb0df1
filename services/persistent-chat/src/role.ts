// The parts of Persistent Chat, in the order in which they are made.
import { type Host, type HostError, migrate, type Role } from '@linchpin/host';
import {
  announceDrain,
  createDirectory,
  createMembers,
  createReplica,
  joinConfigured,
} from '@linchpin/topology';
import type { PersistentChatConfig } from './config.ts';
import { createDatabase } from './database/database.ts';
import { migrations } from './database/migrations.ts';

export function createRole(config: PersistentChatConfig, host: Host): Role {
  const { health, log, name: pod } = host;
  const nats = host.nats();
  const replica = createReplica({
    dir: `${host.dataDir}/replica`,
    buckets: ['config', 'directory'],
    nats,
    pod,
    role: host.role,
    productVersion: host.version,
    log,
  });
  const members = createMembers({
    nats,
    self: { pod, role: 'persistent-chat', pool: config.pool, address: '', productVersion: host.version },
    log,
  });
  const database = createDatabase({
    pool: requirePool(host),
    prepare: async (client) => void (await migrate(client, migrations)),
    onUnusable: (error) => endProcess(host, error),
    health,
    log,
  });

  return {
    async start() {
      await replica.load();
      replica.follow();
      await database.start();
      members.follow();
    },
    serving: (rpc) => joinConfigured(members, replica, config.advertise, rpc),
    drain: (draining) => announceDrain(members, draining),
    async stop() {
      await members.stop();
      await replica.stop();
      await database.stop();
    },
    endpoints: () => [],
    configVersion: () => replica.version,
  };
}

function requirePool({ postgres }: Host) {
  if (postgres === undefined) throw new Error('the configuration has no postgres');
  return postgres;
}

// PostgreSQL was away when the process started, and came with tables that only a newer release understands.
function endProcess(host: Host, error: HostError): never {
  host.log.fatal(error.message);
  process.stderr.write(`${error.message}\n`);
  process.exit(error.exitCode);
}
