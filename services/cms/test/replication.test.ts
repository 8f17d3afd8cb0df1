import { keyToken, REPLICA_BUCKET } from '@linchpin/proto/subjects';
import { Kvm } from '@nats-io/kv';
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

it(`${PODS} pods get a change at once, and CMS knows`, async () => {
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

it('two CMS pods on one database make one line of versions', async () => {
  const other = await rig.another();
  const replica = await rig.replica('two');
  const publish = (at: number) =>
    (at % 2 === 0 ? rig.admin : other).publish(create('User', `user${at}@contoso.lab`, { pool: 'frontend' }));
  const replies = await Promise.all(Array.from({ length: 20 }, (_, at) => publish(at)));
  const versions = replies.map(({ version }) => version).sort((a, b) => a - b);
  expect(versions).toEqual(versions.map((_, at) => (versions[0] as number) + at));
  await vi.waitFor(() => expect(replica.version).toBe(versions.at(-1)), soon);
  for (let at = 0; at < 20; at++) expect(replica.get('User', `user${at}@contoso.lab`)).toBeDefined();
});

it('what is not a report, or not of the pod itself, does not count', async () => {
  const kv = await new Kvm(await (await rig.lab.natsLink('admin')).connection()).open(REPLICA_BUCKET);
  const report = {
    pod: 'pod-1',
    role: 'frontend',
    version: 999,
    at: new Date().toISOString(),
    productVersion: '0',
  };
  await kv.put(keyToken('liar'), JSON.stringify(report));
  await kv.put(keyToken('broken'), '{');
  await kv.put(keyToken('honest'), JSON.stringify({ ...report, pod: 'honest' }));
  await vi.waitFor(async () => {
    const { replicas } = await rig.admin.listReplicas();
    expect(replicas.find(({ pod }) => pod === 'honest')).toMatchObject({ version: 999, upToDate: false });
    expect(replicas.find(({ pod }) => pod === 'pod-1')?.version).not.toBe(999);
    expect(replicas.some(({ pod }) => pod === 'liar' || pod === 'broken')).toBe(false);
  }, soon);
});
