import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { apply, create, createRig, type Rig, topology } from './rig.ts';

const PODS = 50;

let rig: Rig;

beforeAll(async () => {
  rig = await createRig();
  await rig.start();
  await rig.admin.publish(create('Topology', 'global', topology));
}, 60_000);
afterAll(() => rig.close(), 30_000);

const soon = { timeout: 15_000, interval: 5 };

it(`${PODS} pods run a change well within half a second`, async () => {
  const pods = await Promise.all(Array.from({ length: PODS }, (_, at) => rig.replica(`pod-${at}`)));
  const all = (version: number) =>
    vi.waitFor(() => expect(pods.every((replica) => replica.version === version)).toBe(true), soon);
  await all(2);
  await vi.waitFor(
    async () => expect((await rig.admin.listReplicas()).replicas).toHaveLength(PODS + 1),
    soon,
  );

  const arrived = all(3);
  const began = performance.now();
  await rig.admin.publish(create('User', 'alice@contoso.lab', { pool: 'frontend' }, { password: 'p' }));
  await arrived;
  const milliseconds = Math.round(performance.now() - began);
  console.log(`publish to ${PODS} pods: ${milliseconds} ms`);
  expect(milliseconds).toBeLessThan(500);

  await vi.waitFor(async () => {
    const { replicas, version } = await rig.admin.listReplicas();
    expect(version).toBe(3);
    const late = replicas.filter(({ upToDate }) => !upToDate);
    // Of the topology, but never heard of.
    expect(late).toEqual([
      {
        pod: 'frontend-0',
        role: 'frontend',
        version: 0,
        upToDate: false,
        lastStatusReport: '',
        productVersion: '',
      },
    ]);
  }, soon);
  const metrics = await rig.cms.host.metrics.metrics();
  expect(metrics).toMatch(/linchpin_config_version\{.*\} 3/);
  expect(metrics).toMatch(/linchpin_cms_replica_versions_behind\{replica="pod-7".*\} 0/);
  expect(metrics).toMatch(/linchpin_cms_replication_seconds_count\{.*\} 50/);
  expect(metrics).toMatch(/linchpin_cms_publishes_total\{result="published".*\} 2/);
});

it('a burst of changes arrives whole', async () => {
  const replica = await rig.replica('late');
  const changes = Array.from({ length: 40 }, (_, at) =>
    rig.admin.publish(apply('User', 'alice@contoso.lab', { pool: 'frontend', displayName: `Alice ${at}` })),
  );
  const replies = await Promise.all(changes);
  const last = Math.max(...replies.map(({ version }) => version));
  await vi.waitFor(() => expect(replica.version).toBe(last), soon);
  const { documents } = await rig.admin.get('User', 'alice@contoso.lab');
  expect(replica.get('User', 'alice@contoso.lab')?.spec).toEqual(JSON.parse(documents[0]?.spec ?? ''));
});
