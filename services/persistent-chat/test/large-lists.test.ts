// Lists as long as they may be: a decision reads the rows of one user, whatever else there is.
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { selectCategoryRights, selectRoomRoles } from '../src/access/store.ts';
import type { Caller } from '../src/chat.ts';
import { roomOf } from '../src/sip/store.ts';
import { address, createRig, type Rig } from './rig.ts';

let rig: Rig;
let room: string;
let category: string;

const admin: Caller = { name: 'root', admin: true };
const alice = { name: address('alice') };
const principals = [alice.name, 'domain:contoso.lab', 'group:Sales'];
const MEMBERS = 16_000;

beforeAll(async () => {
  rig = await createRig({ users: ['alice', 'bob'] });
  const { chat } = (rig.pods[0] as Rig['pods'][number]).role;
  category = (
    await chat.createCategory(admin, {
      name: 'All',
      allowed: ['domain:contoso.lab'],
      creators: [alice.name],
    })
  ).id;
  room = (await chat.createRoom(alice, { name: 'Everybody', category: 'All' })).id;
  const list = `SELECT $1, 'member' || n || '@contoso.lab', $2 FROM generate_series(1, ${MEMBERS}) AS n`;
  await rig.sql(`INSERT INTO room_access (room, principal, role) ${list}`, [room, 'member']);
  await rig.sql(`INSERT INTO category_access (category, principal, role) ${list}`, [category, 'denied']);
  await rig.sql('ANALYZE');
});
afterAll(() => rig.close());

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

/** How many rows of a table a query of ours reads. */
async function rowsRead(table: string, run: (client: PoolClient) => Promise<unknown>): Promise<number> {
  const asked: { text: string; values: unknown[] }[] = [];
  const query = async (each: (typeof asked)[number]) => {
    asked.push(each);
    return { rows: [] };
  };
  await run({ query } as unknown as PoolClient);
  let read = 0;
  for (const { text, values } of asked) {
    const rows = await rig.sql(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
    const [{ 'QUERY PLAN': explained }] = rows as [{ 'QUERY PLAN': [{ Plan: Plan }] }];
    const [{ Plan }] = explained;
    for (const node of nodes(Plan).filter((each) => each['Relation Name'] === table))
      read += (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
  }
  // PostgreSQL gives the mean of all loops, with two digits.
  return Math.round(read);
}

const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

test('rights of one user in a room of 16,000 are one row, and in its category one more', async () => {
  const inRoom = await rowsRead('room_access', (client) =>
    selectRoomRoles(client, [{ place: room, principals }]),
  );
  const inCategory = await rowsRead('category_access', (client) =>
    selectCategoryRights(client, [{ place: category, principals }]),
  );
  expect(inRoom).toBe(1);
  // alice creates, her domain is allowed.
  expect(inCategory).toBe(2);
});

test('the room of a SIP address, or of an id, is one look into an index', async () => {
  await rig.sql(
    `INSERT INTO rooms (id, category, name)
     SELECT gen_random_uuid(), $1, 'Called ' || n FROM generate_series(1, 3000) AS n`,
    [category],
  );
  await rig.sql('ANALYZE sip_addresses');
  const [called] = (await rig.sql("SELECT id FROM rooms WHERE name = 'Called 77'")) as [{ id: string }];
  for (const name of ['called-77', called.id]) {
    const read = await rowsRead('sip_addresses', (client) => roomOf(client, name));
    expect([name, read]).toEqual([name, 1]);
  }
  const marks = await rig.sql(
    "SELECT 1 FROM pg_indexes WHERE tablename = 'read_marks' AND indexdef LIKE '%(room)'",
  );
  expect(marks).toHaveLength(1);
});

test('entries are counted as they come and go, however many at a time', async () => {
  const counted = async () => Number((await rig.sql('SELECT sum(entries) AS n FROM access_entries'))[0]?.n);
  expect(await counted()).toBe(2 * MEMBERS + 3);
  const { chat } = (rig.pods[0] as Rig['pods'][number]).role;
  expect((await chat.access(admin, room)).members).toHaveLength(MEMBERS);
  await chat.deleteRoom(admin, room);
  expect(await counted()).toBe(MEMBERS + 2);
  await chat.changeCategory(admin, category, { denied: [] });
  expect(await counted()).toBe(2);
});
