// The parts of Persistent Chat, in the order in which they are made.
import { type Host, type HostError, migrate, type Role } from '@linchpin/host';
import {
  announceDrain,
  createDirectory,
  createMembers,
  createReplica,
  joinConfigured,
} from '@linchpin/topology';
import { createAccess } from './access/create-access.ts';
import { createNotices } from './access/notices.ts';
import { createPrincipals } from './access/principals.ts';
import { createWall } from './access/wall.ts';
import { createCategories } from './categories/categories.ts';
import type { Chat } from './chat.ts';
import type { PersistentChatConfig } from './config.ts';
import { createDatabase } from './database/database.ts';
import { migrations } from './database/migrations.ts';
import { createJournal } from './journal/journal.ts';
import { createMessages } from './messages/messages.ts';
import { createEntering } from './rooms/entering.ts';
import { createFind } from './rooms/find.ts';
import { createRooms } from './rooms/rooms.ts';

/** The role, and what it does for whoever runs it in the same process. */
export interface PersistentChat extends Role {
  readonly chat: Omit<Chat, 'join'>;
}

export function createRole(config: PersistentChatConfig, host: Host): PersistentChat {
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
  const directory = createDirectory(replica, members);
  const limits = () => directory.persistentChat(config.pool);
  const postgres = requirePool(host);
  const database = createDatabase({
    pool: postgres,
    prepare: async (client) => void (await migrate(client, migrations)),
    onUnusable: (error) => endProcess(host, error),
    health,
    log,
  });
  const journal = createJournal({ nats, database, pod, queue: config.queue, health, log });

  const principals = createPrincipals({
    ...directory,
    get configured() {
      return replica.version > 0;
    },
  });
  const notices = createNotices({ options: postgres.options, replica, log });
  const access = createAccess({ database, principals, notices });
  const wall = createWall({ principals, limits });
  const messages = createMessages({
    database,
    journal,
    access,
    principalsOf: principals.of,
    limits,
    domain: config.domain,
    isComplianceThere: () => false,
    log,
  });
  const countUnread = async () => new Map<string, number>();
  const { tell } = notices;
  const entering = createEntering({ wall, limits });
  const rooms = { database, journal, access, principals, wall, entering, countUnread, tell };
  const chat = {
    ...createCategories({ database, journal, principals, wall, tell }),
    ...createRooms(rooms),
    ...createFind({ database, access, principals, countUnread, limits }),
    ...messages,
  };

  return {
    chat,
    async start() {
      await replica.load();
      replica.follow();
      await database.start();
      notices.start();
      journal.start();
      members.follow();
    },
    serving: (rpc) => joinConfigured(members, replica, config.advertise, rpc),
    drain: (draining) => announceDrain(members, draining),
    async stop() {
      await members.stop();
      await replica.stop();
      await messages.stop();
      await journal.stop();
      await notices.stop();
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
