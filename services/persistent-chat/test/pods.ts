// Pods of Persistent Chat without their surfaces: what stores, publishes and tells, on a real PostgreSQL and NATS.
import { randomUUID } from 'node:crypto';
import { createHealth, createPostgres, type Health, migrate, type NatsLink } from '@linchpin/host';
import { createLab, type Lab } from '@linchpin/testkit';
import type { Pool, PoolClient } from 'pg';
import { pino } from 'pino';
import { createDatabase, type Database } from '../src/database/database.ts';
import { migrations } from '../src/database/migrations.ts';
import { createJournal, type Journal } from '../src/journal/journal.ts';

export interface Pod {
  readonly name: string;
  readonly nats: NatsLink;
  readonly pool: Pool;
  readonly database: Database;
  readonly journal: Journal;
  readonly health: Health;
  stop(): Promise<void>;
}

export interface Pods {
  readonly lab: Lab;
  /** What all pods have logged. */
  readonly log: () => string;
  start(name: string): Promise<Pod>;
  /** Makes a room with these members in a category of its own; resolves with its id. */
  room(name: string, members?: readonly string[]): Promise<string>;
  // biome-ignore lint/suspicious/noExplicitAny: rows as they come
  sql(text: string, values?: unknown[]): Promise<any[]>;
  close(): Promise<void>;
}

export async function createPods(): Promise<Pods> {
  const lab = await createLab({ postgres: true });
  // Made once here: two at the same time would write one file.
  await lab.tls('persistent-chat');
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const { passwordFile } = lab.postgres;
  const postgres = () =>
    createPostgres(
      {
        host: '127.0.0.1',
        port: lab.postgres.port,
        user: 'linchpin',
        database: 'postgres',
        passwordFile,
        connections: 10,
      },
      'test',
      log,
    );
  const own = await postgres();
  const client = await own.connect();
  await migrate(client, migrations);
  client.release();
  const running = new Set<Pod>();

  async function start(name: string): Promise<Pod> {
    const health = createHealth();
    health.enter('running');
    const nats = await lab.natsLink('persistent-chat');
    const pool = await postgres();
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
    const queue = { replicas: 1, maxBytes: 64 * 1024 * 1024 };
    const journal = createJournal({ nats, database, pod: name, queue, health, log });
    journal.start();
    const pod: Pod = {
      name,
      nats,
      pool,
      database,
      journal,
      health,
      async stop() {
        if (!running.delete(pod)) return;
        await journal.stop();
        await database.stop();
        if (!pool.ended) await pool.end();
        await nats.close();
      },
    };
    running.add(pod);
    return pod;
  }

  return {
    lab,
    log: () => lines.join(''),
    start,
    async room(name, members = []) {
      const [category, room] = [randomUUID(), randomUUID()];
      await own.query('INSERT INTO categories (id, name) VALUES ($1, $2)', [category, `of ${name}`]);
      await own.query('INSERT INTO rooms (id, category, name) VALUES ($1, $2, $3)', [room, category, name]);
      await own.query(
        "INSERT INTO room_access (room, principal, role) SELECT $1, member, 'member' FROM unnest($2::text[]) AS member",
        [room, members],
      );
      return room;
    },
    sql: async (text, values) => (await own.query(text, values)).rows,
    async close() {
      await Promise.all([...running].map((pod) => pod.stop()));
      await own.end();
      await lab.close();
    },
  };
}
