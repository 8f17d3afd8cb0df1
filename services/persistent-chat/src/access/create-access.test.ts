import type { PoolClient } from 'pg';
import { expect, test } from 'vitest';
import type { Database } from '../database/database.ts';
import { Renamed } from '../rights.ts';
import { createAccess } from './create-access.ts';

const ROOM = '5c4ad46b-5b1c-4b8b-8f56-6a42ac1cba4f';
const CATEGORY = 'c0c0c0c0-5b1c-4b8b-8f56-6a42ac1cba4f';
const alice = { name: 'alice@contoso.lab' };

/** A database of one room, which says what it was asked. */
function setUp() {
  const asked: string[] = [];
  const row = {
    ...{ id: ROOM, name: 'Talk', description: '', category: CATEGORY, kind: 'normal', privacy: 'closed' },
    ...{ invitations: null, add_in: null, disabled: false, legal_hold: false, last_seq: '7' },
    ...{ access_version: '1', category_name: 'All', chat_history: true, file_upload: true },
    ...{ compliance_required: false, category_invitations: true, category_version: '1' },
  };
  let groups = ['group:Sales'];
  let principals = [alice.name, ...groups];
  const rows: Record<string, () => unknown[]> = {
    'rooms-by-id': () => [row],
    'rooms-by-name': () => [{ ...row, wanted: 'talk' }],
    'room-roles': () => groups.map((principal) => ({ room: ROOM, principal, role: 'member' })),
    'category-rights': () => [{ category: CATEGORY, principal: alice.name, role: 'allowed' }],
  };
  const client = {
    async query({ name }: { name: string }) {
      asked.push(name);
      return { rows: rows[name]?.() ?? [] };
    },
  } as unknown as PoolClient;
  const access = createAccess({
    database: { use: (run: (client: PoolClient) => unknown) => run(client) } as unknown as Database,
    principals: { of: () => principals, ofAnybody: () => principals } as never,
    notices: { onChanged: () => () => {} },
  });
  return {
    ...{ access, client, row, asked },
    setGroups(now: string[]) {
      groups = now;
      principals = [alice.name, ...groups];
    },
  };
}

const locked = (room = 1, category = 1) => ({
  id: ROOM,
  accessVersion: room,
  categoryAccessVersion: category,
});

test('many who ask at one time are one question, and rights that are known are not asked for again', async () => {
  const { access, asked } = setUp();
  await Promise.all(Array.from({ length: 100 }, () => access.standing(alice, ROOM)));
  expect(asked).toEqual(['rooms-by-id', 'category-rights', 'room-roles']);
  expect(await access.standing(alice, ROOM)).toMatchObject({ mayPost: true, versions: { room: 1 } });
  expect(asked.slice(3)).toEqual(['rooms-by-id']);
});

test('what is remembered costs nothing, and is nothing that was never asked', async () => {
  const { access, asked } = setUp();
  expect(access.remembered(alice, ROOM)).toBeUndefined();
  await access.standing(alice, 'talk');
  const before = asked.length;
  expect(access.remembered(alice, 'TALK')).toMatchObject({ mayPost: true });
  expect(access.remembered(alice, ROOM.toUpperCase())).toMatchObject({ mayPost: true });
  expect(access.remembered(alice, 'Other')).toBeUndefined();
  expect(asked).toHaveLength(before);
});

test('what holds is confirmed without a question, what has changed is decided anew', async () => {
  const { access, client, row, asked } = setUp();
  const before = await access.standing(alice, ROOM);
  const questions = asked.length;
  expect(await access.confirm(client, alice, before, locked())).toMatchObject({ mayPost: true });
  expect(asked).toHaveLength(questions);
  Object.assign(row, { access_version: '2', kind: 'auditorium' });
  expect(await access.confirm(client, alice, before, locked(2))).toMatchObject({ mayPost: false });
  Object.assign(row, { category_version: '2', privacy: 'secret' });
  expect(await access.confirm(client, alice, before, locked(2, 2))).toMatchObject({ mayJoin: true });
});

test('a decision that a change of groups has overtaken is not confirmed, whoever noticed it first', async () => {
  const { access, client, setGroups } = setUp();
  const before = await access.standing(alice, ROOM);
  setGroups([]);
  expect(await access.confirm(client, alice, before, locked())).toMatchObject({ mayPost: false });
  setGroups(['group:Sales']);
  const again = await access.standing(alice, ROOM);
  expect(again.mayPost).toBe(true);
  setGroups([]);
  await access.standing(alice, ROOM);
  expect(await access.confirm(client, alice, again, locked())).toMatchObject({ mayPost: false });
});

test('a name is confirmed with the rights: who asked by it meant the room that is called so', async () => {
  const { access, client, row } = setUp();
  const [byName, byId] = [await access.standing(alice, 'talk'), await access.standing(alice, ROOM)];
  const admin = await access.standing({ name: 'root', admin: true }, 'talk');
  const remembered = access.remembered(alice, 'TALK');
  Object.assign(row, { access_version: '2', name: 'Old talk' });
  for (const [who, before] of [
    [alice, byName],
    [alice, remembered],
    [{ name: 'root', admin: true as const }, admin],
  ] as const)
    await expect(access.confirm(client, who, before as typeof byName, locked(2))).rejects.toBeInstanceOf(
      Renamed,
    );
  expect(await access.confirm(client, alice, byId, locked(2))).toMatchObject({ room: { name: 'Old talk' } });
  Object.assign(row, { access_version: '3', name: 'TALK' });
  expect(await access.confirm(client, alice, byName, locked(3))).toMatchObject({ mayPost: true });
});

test.each([
  ['nothing', ''],
  ['a NUL', 'a\0'],
  ['too much', 'x'.repeat(2000)],
])('%s is no room, and no question', async (_, key) => {
  const { access, asked } = setUp();
  await expect(access.standing(alice, key)).rejects.toMatchObject({ code: 'not-found' });
  expect(asked).toEqual([]);
});
