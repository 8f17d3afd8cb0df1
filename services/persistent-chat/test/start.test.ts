import { createInbox } from '@linchpin/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Caller } from '../src/chat.ts';
import { address, createRig, type Pod, type Rig } from './rig.ts';

let rig: Rig;
const pod = (at: number) => rig.pods[at] as Pod;

beforeAll(async () => {
  rig = await createRig({ pods: 2 });
});
afterAll(() => rig.close());

test('two pods start at once on an empty database, and make its tables once', async () => {
  expect(await rig.sql('SELECT count(*)::int AS n FROM rooms')).toEqual([{ n: 0 }]);
  const applied = await rig.sql(
    'SELECT count(*)::int AS n, count(DISTINCT number)::int AS d FROM migrations',
  );
  expect(applied[0]?.n).toBe(applied[0]?.d);
});

test('a pod that drains sends people elsewhere, and what they have said and been told is there', async () => {
  const admin: Caller = { name: 'root', admin: true };
  const alice = { name: address('alice') };
  const [leaving, staying] = [pod(0).role.chat, pod(1).role.chat];
  await leaving.createCategory(admin, { name: 'All', allowed: ['domain:contoso.lab'] });
  const { id } = await leaving.createRoom(admin, { name: 'Talk', category: 'All', privacy: 'open' });
  const ends = createInbox<string>();
  await leaving.join(alice, id, { onEvents() {}, onEnded: ends.push });
  await leaving.post(alice, id, { clientId: '1', body: 'one' });
  const posting = leaving.post(alice, id, { clientId: '2', body: 'two' });
  await pod(0).started.drain();
  expect(await ends.next()).toBe('moved');
  expect(pod(0).started.host.health.ready).toBe(false);
  await expect(leaving.join(alice, id, { onEvents() {}, onEnded() {} })).rejects.toMatchObject({
    code: 'unavailable',
  });
  expect(await posting).toMatchObject({ body: 'two' });
  await pod(0).stop();
  const { history } = await staying.join(alice, id, { onEvents() {}, onEnded() {} });
  expect(history.map(({ body }) => body)).toEqual(['one', 'two']);
  // Nothing that the pod has left behind waits for good.
  await vi.waitFor(async () => expect(await rig.sql('SELECT 1 FROM outbox')).toEqual([]), {
    timeout: 20_000,
  });
});

test('a pod without a compliance store runs, and is ready', async () => {
  const alone = await createRig({ withoutCompliance: true });
  try {
    expect(await alone.sql("SELECT to_regclass('migrations') AS tables", [], 'mgccomp')).toEqual([
      { tables: null },
    ]);
    expect(alone.pods[0]?.started.host.health.state).toBe('ready');
  } finally {
    await alone.close();
  }
});
