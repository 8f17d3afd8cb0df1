// What the benches of Persistent Chat run on: PostgreSQL and NATS, with the rooms and people of a mix.
import { readFile } from 'node:fs/promises';
import { migrate } from '@linchpin/host';
import { DIRECTORY_BUCKET, documentKey } from '@linchpin/proto/subjects';
import { createLab, LAB_DOMAIN, type Lab, type LabDocument, userDocuments } from '@linchpin/testkit';
import { Kvm } from '@nats-io/kv';
import pg from 'pg';
import { complianceMigrations } from '../../../services/persistent-chat/src/compliance/migrations.ts';
import { migrations } from '../../../services/persistent-chat/src/database/migrations.ts';
import { type Mix, roomCount, userName } from './mix.ts';
import { COMPLIANCE, chatDocuments, type PodConfig, postgresOf, writePodConfig } from './pod-config.ts';

const ROOMS = 'mgc';
/** A pod that is said to be there, for those who are in their rooms already. */
const ELSEWHERE = 'elsewhere';
/** Documents that are published at one time. */
const AT_ONCE = 500;

export interface ChatLab {
  readonly lab: Lab;
  /** In `mgc`, or in another database. */
  sql(text: string, values?: unknown[], database?: string): Promise<Record<string, unknown>[]>;
  podConfig(name: string, options?: { web?: boolean }): Promise<PodConfig>;
  /**
   * Everybody is in all rooms of the mix already, through another pod: then who joins is no event, and rooms can be filled
   * faster than people ever come.
   */
  enterElsewhere(): Promise<void>;
  /** After a flood of people: what PostgreSQL does about that is not part of what comes next. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export interface ChatLabOptions {
  mix: Mix;
  /** People sign in with `pw-<name>`; without it only what is done in their names is. */
  passwords?: boolean;
  /** Beside those of the role. */
  databases?: readonly string[];
}

export async function createChatLab({ mix, passwords, databases = [] }: ChatLabOptions): Promise<ChatLab> {
  const lab = await createLab({ postgres: true, databases: [ROOMS, COMPLIANCE, ...databases] });
  const clients = new Map<string, Promise<pg.Client>>();
  const client = (database: string): Promise<pg.Client> => {
    const known = clients.get(database) ?? connect(lab, database);
    clients.set(database, known);
    return known;
  };
  const sql: ChatLab['sql'] = async (text, values, database = ROOMS) =>
    (await (await client(database)).query(text, values)).rows;
  async function close(): Promise<void> {
    for (const each of clients.values()) await (await each).end();
    await lab.close();
  }

  try {
    await migrate(await client(ROOMS), migrations);
    await migrate(await client(COMPLIANCE), complianceMigrations);
    await Promise.all([makeRooms(sql, mix), publish(lab, mix, passwords === true)]);
  } catch (error) {
    await close();
    throw error;
  }

  return {
    lab,
    sql,
    podConfig: (name, options) => writePodConfig(lab, name, { ...options, rooms: ROOMS }),
    async enterElsewhere() {
      await lab.announce({ role: 'persistent-chat', pod: ELSEWHERE, address: '127.0.0.1:1' });
      await fill(sql, mix, 'participants (room, member, pod)', ELSEWHERE);
      await settle(sql);
    },
    settle: () => settle(sql),
    close,
  };
}

async function connect(lab: Lab, database: string): Promise<pg.Client> {
  const { passwordFile, ...place } = postgresOf(lab, database);
  const client = new pg.Client({ ...place, password: await readFile(passwordFile, 'utf8') });
  await client.connect();
  return client;
}

async function settle(sql: ChatLab['sql']): Promise<void> {
  await sql('VACUUM ANALYZE participants');
  await sql('CHECKPOINT');
}

async function makeRooms(sql: ChatLab['sql'], mix: Mix): Promise<void> {
  const [category] = await sql(
    "INSERT INTO categories (id, name) VALUES (gen_random_uuid(), 'Everything') RETURNING id",
  );
  await sql('INSERT INTO category_access (category, role, principal) VALUES ($1, $2, $3)', [
    ...[category?.id, 'allowed', `domain:${LAB_DOMAIN}`],
  ]);
  await sql(
    `INSERT INTO rooms (id, category, name)
     SELECT md5('room ' || n)::uuid, $1, 'room ' || n FROM generate_series(0, $2::int - 1) AS n`,
    [category?.id, roomCount(mix)],
  );
  await fill(sql, mix, 'room_access (room, principal, role)', 'member');
  await sql('UPDATE access_entries SET entries = (SELECT count(*) FROM room_access) WHERE shard = 0');
  await sql('VACUUM ANALYZE rooms, room_access');
  await sql('CHECKPOINT');
}

/** A row for each membership. A million of them are not checked one by one: they refer to rooms that were made here. */
async function fill(sql: ChatLab['sql'], mix: Mix, columns: string, last: string): Promise<void> {
  await sql('SET session_replication_role = replica');
  let before = 0;
  for (const { rooms, size } of mix.kinds) {
    await sql(
      `INSERT INTO ${columns}
       SELECT md5('room ' || ($1::int + room))::uuid, 'u' || (room * $3::int + seat) % $4::int || $5, $6
       FROM generate_series(0, $2::int - 1) AS room, generate_series(0, $3::int - 1) AS seat`,
      [before, rooms, size, mix.users, `@${LAB_DOMAIN}`, last],
    );
    before += rooms;
  }
  await sql('SET session_replication_role = origin');
}

/** Users first: what was put before a version is closed is part of it. One after the other they would take longest of all. */
async function publish(lab: Lab, { users }: Mix, passwords: boolean): Promise<void> {
  const people = Array.from({ length: users }, (_, n) => documentsOf(n, passwords)).flat();
  const connection = await (await lab.natsLink('cms')).connection();
  const directory = await new Kvm(connection).create(DIRECTORY_BUCKET);
  const put = (document: LabDocument) =>
    directory.put(documentKey(document.kind, document.name), JSON.stringify({ ...document, version: 1 }));
  for (let at = 0; at < people.length; at += AT_ONCE)
    await Promise.all(people.slice(at, at + AT_ONCE).map(put));
  await lab.publisher.publish(chatDocuments);
}

function documentsOf(n: number, passwords: boolean): LabDocument[] {
  const [name = ''] = userName(n).split('@');
  if (passwords) return userDocuments({ name, password: `pw-${name}` });
  const spec = { displayName: name, enabled: true, pool: 'frontend' };
  return [{ kind: 'User', name: userName(n), spec }];
}
