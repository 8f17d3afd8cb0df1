// PostgreSQL goes and comes back, and the configuration comes late: what pods answer meanwhile, and what they know afterwards.
import { createInbox } from '@linchpin/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Caller } from '../src/chat.ts';
import { address, createRig, type Rig } from './rig.ts';

let rig: Rig;
const chat = (pod = 0) => (rig.pods[pod] as Rig['pods'][number]).role.chat;

const admin: Caller = { name: 'root', admin: true };
const alice = { name: address('alice') };
const bob = { name: address('bob') };

beforeAll(async () => {
  rig = await createRig({ pods: 2 });
  await chat().createCategory(admin, {
    name: 'All',
    allowed: ['domain:contoso.lab'],
    creators: [alice.name],
  });
  await chat().createRoom(alice, { name: 'Talk', category: 'All', members: [bob.name] });
});
afterAll(() => rig.close());

const answer = (asked: Promise<unknown>): Promise<{ code?: string; message?: string; retryAfter?: number }> =>
  asked.then(
    () => ({ code: 'ok' }),
    (error) => error,
  );

const back = (pod: number): Promise<void> =>
  vi.waitFor(async () => expect(await answer(chat(pod).room(bob, 'Talk'))).toEqual({ code: 'ok' }), {
    timeout: 20_000,
    interval: 50,
  });

test('without PostgreSQL nothing is changed and nothing is shown, and everybody is told to try again', async () => {
  await chat().room(bob, 'Talk');
  await rig.lab.postgres.stop();
  for (const asked of [
    () => chat().room(bob, 'Talk'),
    () => chat().findRooms(bob, {}),
    () => chat().categories(bob),
    () => chat().createRoom(alice, { name: 'Another', category: 'All' }),
    () => chat().changeAccess(alice, 'Talk', { add: { members: [alice.name] } }),
    () => chat().post(bob, 'Talk', { clientId: 'away', body: 'x' }),
    () => chat(1).history(bob, 'Talk', {}),
  ]) {
    const refused = await answer(asked());
    expect(refused).toMatchObject({ code: 'unavailable', retryAfter: expect.any(Number) });
    expect(refused.message).toContain('PostgreSQL');
  }
  expect(rig.pods[0]?.started.host.health.state).toContain('postgres');
  await rig.lab.postgres.start();
  await back(0);
  await back(1);
  expect(await answer(chat().room(alice, 'Another'))).toMatchObject({ code: 'not-found' });
  expect(await chat(1).post(bob, 'Talk', { clientId: 'away', body: 'x' })).toMatchObject({ body: 'x' });
});

test('a pod that starts while PostgreSQL is away serves when it is there', async () => {
  await rig.lab.postgres.stop();
  const starting = rig.another();
  await vi.waitFor(() => expect(rig.pods).toHaveLength(3), { timeout: 30_000 });
  expect(await answer(chat(2).categories(admin))).toMatchObject({ code: 'unavailable' });
  await rig.lab.postgres.start();
  await starting;
  expect((await chat(2).categories(admin)).map(({ name }) => name)).toEqual(['All']);
});

test('who was removed while a pod heard nothing is put out of the room when it hears again', async () => {
  const ends = createInbox<string>();
  await back(1);
  await chat(1).join(bob, 'Talk', { onEvents() {}, onEnded: ends.push });
  await rig.lab.stopNats();
  // Ends the connections by which pods hear of changes, of all pods; the change comes before they are there again.
  await rig.sql(
    `UPDATE rooms SET access_version = access_version + 1 WHERE name = 'Talk';
     DELETE FROM room_access WHERE principal = '${bob.name}';
     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1'`,
  );
  expect(await ends.next(() => true, 20_000)).toBe('removed');
  await rig.lab.startNats();
});

test('before a configuration has come, nobody is refused for good', async () => {
  const bare = await createRig({ pods: 0 });
  try {
    await bare.lab.stopNats();
    const pod = bare.another();
    await vi.waitFor(() => expect(bare.pods).toHaveLength(1), { timeout: 30_000 });
    const refused = await answer((bare.pods[0] as Rig['pods'][number]).role.chat.findRooms(alice, {}));
    expect(refused).toMatchObject({ code: 'unavailable', message: expect.stringContaining('configuration') });
    await bare.lab.startNats();
    await pod;
    expect(await bare.pods[0]?.role.chat.findRooms(alice, {})).toEqual([]);
  } finally {
    await bare.close();
  }
});
