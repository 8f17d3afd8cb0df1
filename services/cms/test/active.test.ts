import { CONFIG_BUCKET, HEAD_KEY, type Head } from '@linchpin/proto/subjects';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LOCK } from '../src/locks.ts';
import { createFencedBucket } from '../src/publish/fenced-bucket.ts';
import { create, createRig, type Rig, topology } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await createRig();
}, 60_000);
beforeEach(async () => {
  await rig.reset();
  await rig.start();
  await rig.admin.publish(create('Topology', 'global', topology));
  await rig.another();
}, 30_000);
afterAll(() => rig.close(), 30_000);

const soon = { timeout: 10_000, interval: 10 };
const isActive = (pod: number): boolean => rig.pods[pod]?.cms.role.describe?.().active === true;
const active = (): number[] => [0, 1].filter(isActive);
const one = (): Promise<number> =>
  vi.waitFor(() => {
    expect(active()).toHaveLength(1);
    return active()[0] as number;
  }, soon);

const user = (n: number) => create('User', `user${n}@contoso.lab`, { pool: 'frontend' });

/** Ends the session that holds the lock, as the loss of its connection would. */
const endSession = () =>
  rig.sql(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = ${LOCK.active}`,
  );

describe('of two CMS pods', () => {
  it('one hands over, and says so', async () => {
    expect(await one()).toBe(0);
    expect(await rig.pods[0]?.cms.host.metrics.metrics()).toMatch(/linchpin_cms_active(\{.*\})? 1/);
    expect(await rig.pods[1]?.cms.host.metrics.metrics()).toMatch(/linchpin_cms_active(\{.*\})? 0/);
    const status = await fetch(`http://127.0.0.1:${rig.pods[1]?.cms.http.port}/status`);
    expect(await status.json()).toMatchObject({ active: false, configVersion: 2 });
  });

  it('what the standby is given is handed over before it answers', async () => {
    await one();
    const replica = await rig.replica('frontend-0');
    expect(await rig.pods[1]?.admin.publish(user(1))).toMatchObject({ version: 3, pushed: true });
    await vi.waitFor(() => expect(replica.version).toBe(3), soon);
    expect(rig.pods[0]?.cms.role.configVersion()).toBe(3);
  });

  it('the other takes over when the session of the active one is lost, and keeps all that is published then', async () => {
    const first = await one();
    const replica = await rig.replica('frontend-0');
    await endSession();
    const publishes = Array.from({ length: 10 }, (_, n) => rig.pods[n % 2]?.admin.publish(user(n)));
    await vi.waitFor(() => expect(active()).toEqual([1 - first]), soon);
    await Promise.all(publishes);
    await vi.waitFor(() => expect(replica.version).toBe(12), soon);
    for (let n = 0; n < 10; n++) expect(replica.get('User', `user${n}@contoso.lab`)).toBeDefined();
  });

  it('the other takes over when the active one drains', async () => {
    const first = await one();
    const stays = rig.pods[1 - first];
    await rig.pods[first]?.cms.drain();
    await vi.waitFor(() => expect(active()).toEqual([1 - first]), soon);
    expect(await stays?.admin.publish(user(1))).toMatchObject({ pushed: true });
  });

  it('versions come in order, whoever is asked', async () => {
    await one();
    const link = await rig.lab.natsLink('admin');
    const kv = await new Kvm(await link.connection()).open(CONFIG_BUCKET);
    const heads: number[] = [];
    // The active one makes the bucket, a moment after it is active.
    const watch = await vi.waitFor(() => kv.watch({ key: HEAD_KEY }), soon);
    void (async () => {
      for await (const entry of watch) heads.push(entry.json<Head>().version);
    })();
    const policies = Array.from({ length: 30 }, (_, n) =>
      rig.pods[n % 2]?.admin.publish(create('PresencePolicy', `Policy ${n}`)),
    );
    const replies = await Promise.all(policies);
    expect(replies.map((reply) => reply?.version).sort((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, n) => n + 3),
    );
    await vi.waitFor(() => expect(heads.at(-1)).toBe(32), soon);
    expect(heads).toEqual(heads.toSorted((a, b) => a - b));
  });
});

it('who has lost the lock without knowing it can write nothing more', async () => {
  const connection = await (await rig.lab.natsLink('admin')).connection();
  const kv = await new Kvm(connection).create('fenced');
  const bucket = () => createFencedBucket(jetstream(connection), kv, 'fenced');
  const [stale, current] = [bucket(), bucket()];
  await stale.put('a', '1');
  current.follow(1);
  await Promise.all([current.put('a', '2'), current.put('b', '2'), current.purge('a')]);
  const late = await Promise.allSettled([stale.put('a', 'stale'), stale.purge('b'), stale.put('c', 'stale')]);
  expect(late.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect((await kv.get('a'))?.operation).toBe('PURGE');
  expect((await kv.get('b'))?.string()).toBe('2');
  expect(await kv.get('c')).toBeNull();
});
