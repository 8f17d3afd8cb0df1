// Pods of Persistent Chat without their surfaces: what stores, publishes and tells, on a real PostgreSQL and NATS.
import { randomUUID } from 'node:crypto';
import { createHealth, createPostgres, type Health, migrate, type NatsLink } from '@linchpin/host';
import { createLab, LAB_DOMAIN, type Lab } from '@linchpin/testkit';
import {
  createDirectory,
  createMembers,
  type EffectiveUser,
  type Members,
  type PersistentChatConfigurationSpec,
} from '@linchpin/topology';
import type { Pool, PoolClient } from 'pg';
import { pino } from 'pino';
import type { Access } from '../src/access/access.ts';
import { createAccess } from '../src/access/create-access.ts';
import { createNotices } from '../src/access/notices.ts';
import { createPrincipals, type People } from '../src/access/principals.ts';
import { createDatabase, type Database } from '../src/database/database.ts';
import { migrations } from '../src/database/migrations.ts';
import { createJournal, type Journal } from '../src/journal/journal.ts';
import { createMessages, type Messages } from '../src/messages/messages.ts';
import { createRoomRate } from '../src/room-rate.ts';
import { createSessions, type Sessions } from '../src/sessions/sessions.ts';

export interface Pod {
  readonly name: string;
  readonly nats: NatsLink;
  readonly members: Members;
  readonly pool: Pool;
  readonly database: Database;
  readonly journal: Journal;
  readonly access: Access;
  readonly messages: Messages;
  readonly sessions: Sessions;
  readonly health: Health;
  stop(): Promise<void>;
  /** As if it were killed: nothing is ended properly, nobody is told. */
  kill(): Promise<void>;
}

export interface Pods {
  readonly lab: Lab;
  /** What pods have logged that should never happen. */
  errors(): string[];
  /** What holds for all pods, to be changed at will. */
  readonly limits: PersistentChatConfigurationSpec;
  /** Whether compliance can be relied on. */
  compliance: boolean;
  start(name: string): Promise<Pod>;
  /** Makes a room with these members in a category of its own; resolves with its id. */
  room(name: string, members?: readonly string[], change?: RoomChange): Promise<string>;
  /** As the owner of rooms does it: under the row lock, with a new version, told to all pods. */
  removeMember(pod: Pod, room: string, member: string): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: rows as they come
  sql(text: string, values?: unknown[]): Promise<any[]>;
  close(): Promise<void>;
}

export interface RoomChange {
  kind?: 'normal' | 'auditorium';
  privacy?: 'open' | 'closed' | 'secret';
  chatHistory?: boolean;
  complianceRequired?: boolean;
  retentionDays?: number;
  managers?: readonly string[];
}

/** Nothing is configured: everything has its default. */
const nothing = { get: () => undefined, list: () => [], onChange: () => () => {} };

/** Everybody may use Persistent Chat but those whose names begin so. */
const STRANGER = 'sip:stranger';

const people: People = {
  configured: true,
  user: (aor) =>
    aor.startsWith(STRANGER)
      ? undefined
      : ({
          aor,
          spec: { enabled: true },
          persistentChatPolicy: { enabled: true },
        } as unknown as EffectiveUser),
  groupsOf: () => none,
  group: () => undefined,
  isLocalDomain: (domain) => domain === LAB_DOMAIN,
};
const none: readonly string[] = [];

export async function createPods(): Promise<Pods> {
  const lab = await createLab({ postgres: true });
  // Made once here: two at the same time would write one file.
  await lab.tls('persistent-chat');
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  // What a library warns of is nothing that a pod may do.
  const warnings: string[] = [];
  const onWarning = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`);
  process.on('warning', onWarning);
  const postgres = (name: string) =>
    createPostgres(
      {
        ...{ host: '127.0.0.1', port: lab.postgres.port, user: 'linchpin', database: 'postgres' },
        ...{ passwordFile: lab.postgres.passwordFile, connections: 10 },
      },
      name,
      log,
    );
  const own = await postgres('test');
  const client = await own.connect();
  await migrate(client, migrations);
  client.release();
  const limits = { ...createDirectory(nothing).persistentChat(), postsPerSecondPerUser: 1000 };
  const running = new Set<Pod>();

  async function start(name: string): Promise<Pod> {
    const health = createHealth();
    health.enter('running');
    const nats = await lab.natsLink('persistent-chat');
    const self = { pod: name, role: 'persistent-chat', pool: 'chat', address: '127.0.0.1:1' } as const;
    const members = createMembers({ nats, self: { ...self, productVersion: '0.0.0' }, log });
    members.follow();
    await members.announce({});
    const pool = await postgres(name);
    const database = createDatabase({
      pool,
      prepare: async (client: PoolClient) => void (await client.query('SELECT 1')),
      onUnusable: (error) => {
        throw error;
      },
      health,
      log,
    });
    await database.start();
    const principals = createPrincipals(people);
    const notices = createNotices({ options: pool.options, replica: nothing, log });
    notices.start();
    const access = createAccess({ database, principals, notices });
    const queue = { replicas: 1, maxBytes: 64 * 1024 * 1024 };
    const journal = createJournal({ nats, database, pod: name, queue, health, log });
    journal.start();
    const takeRooms = createRoomRate();
    const messages = createMessages({
      ...{ database, journal, access, principalsOf: principals.of, domain: LAB_DOMAIN, takeRooms, log },
      limits: () => limits,
      isComplianceThere: () => pods.compliance,
    });
    messages.start();
    const sessions = createSessions({
      ...{ nats, pod: name, database, journal, access, members, messages, takeRooms, log },
      limits: () => limits,
    });
    sessions.start();
    const pod: Pod = {
      ...{ name, nats, members, pool, database, journal, access, messages, sessions, health },
      async stop() {
        if (!running.delete(pod)) return;
        await sessions.stop();
        await messages.stop();
        await journal.stop();
        await notices.stop();
        await members.stop();
        await database.stop();
        if (!pool.ended) await pool.end();
        await nats.close();
      },
      async kill() {
        if (!running.delete(pod)) return;
        // Nothing reaches NATS or the database any more.
        await nats.close();
        const ended = pool.end();
        await own.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
          [name],
        );
        await ended;
        await Promise.allSettled([notices.stop(), sessions.stop(), messages.stop(), journal.stop()]);
        await Promise.allSettled([members.stop(), database.stop()]);
      },
    };
    running.add(pod);
    return pod;
  }

  async function room(
    name: string,
    members: readonly string[] = [],
    change: RoomChange = {},
  ): Promise<string> {
    const [category, id] = [randomUUID(), randomUUID()];
    const { chatHistory = true, complianceRequired = false, retentionDays = null } = change;
    await own.query(
      'INSERT INTO categories (id, name, chat_history, compliance_required, retention_days) VALUES ($1, $2, $3, $4, $5)',
      [category, `of ${name}`, chatHistory, complianceRequired, retentionDays],
    );
    await own.query("INSERT INTO category_access (category, role, principal) VALUES ($1, 'allowed', $2)", [
      category,
      `domain:${LAB_DOMAIN}`,
    ]);
    const { kind = 'normal', privacy = 'closed', managers = [] } = change;
    await own.query('INSERT INTO rooms (id, category, name, kind, privacy) VALUES ($1, $2, $3, $4, $5)', [
      ...[id, category, name, kind, privacy],
    ]);
    const enter =
      'INSERT INTO room_access (room, principal, role) SELECT $1, member, $3 FROM unnest($2::text[]) AS member';
    await own.query(enter, [id, members, 'member']);
    await own.query(enter, [id, managers, 'manager']);
    return id;
  }

  async function removeMember({ database, journal }: Pod, id: string, member: string): Promise<void> {
    const events = await database.transaction(async (client) => {
      const locked = (await journal.lockRooms(client, [id])).get(id);
      if (locked === undefined) throw new Error('there is no such room');
      await client.query('DELETE FROM room_access WHERE room = $1 AND principal = $2', [id, member]);
      await client.query('UPDATE rooms SET access_version = access_version + 1 WHERE id = $1', [id]);
      await client.query('SELECT pg_notify($1, $2)', ['linchpin_chat_access', `room ${id}`]);
      const change = { [member]: [] };
      return journal.append(client, locked, [{ kind: 'access-changed', by: 'admin:a', name: '', change }]);
    });
    journal.committed(events);
  }

  const pods: Pods = {
    ...{ lab, limits, start, room, removeMember },
    compliance: true,
    errors: () => [...lines.filter((line) => JSON.parse(line).level >= 50), ...warnings],
    sql: async (text, values) => (await own.query(text, values)).rows,
    async close() {
      await Promise.all([...running].map((pod) => pod.stop()));
      await own.end();
      await lab.close();
      process.off('warning', onWarning);
    },
  };
  return pods;
}
