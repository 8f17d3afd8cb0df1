import { once } from 'node:events';
import { promisify } from 'node:util';
import { createRpcClient } from '@linchpin/host';
import {
  type DescribeUserReply,
  type DescribeUserRequest,
  FrontendClient,
  type GetPoolReply,
  type GetPoolRequest,
} from '@linchpin/proto/frontend/v1/frontend';
import { type DrainProgress, DrainState, PodClient } from '@linchpin/proto/pod/v1/pod';
import { LAB_DOMAIN } from '@linchpin/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Phone } from './phone.ts';
import { type Pool, startPool } from './pool.ts';

const [A, B] = ['frontend-0', 'frontend-1'] as const;
const uriOf = (user: string): string => `sip:${user}@${LAB_DOMAIN}`;
const people = Array.from({ length: 20 }, (_, at) => `person-${at}`);
const soon = { timeout: 10_000, interval: 20 };

let pool: Pool;
beforeEach(async () => {
  pool = await startPool({
    pods: [A, B],
    users: { ...Object.fromEntries(people.map((name) => [name, A])), alice: A, bob: B },
    config: { drainSeconds: 12 },
  });
}, 30_000);
afterEach(() => pool?.close());

async function signedIn(user: string, pod: string, transport: 'udp' | 'tcp' | 'tls'): Promise<Phone> {
  const phone = await pool.phone(user, pod, { transport });
  expect((await phone.register()).status).toBe(200);
  return phone;
}

test('users work on while their connections are closed one by one, and register by way of the other', async () => {
  const bob = await signedIn('bob', B, 'tcp');
  const phones = await Promise.all(people.map((name) => signedIn(name, A, 'tcp')));
  const closedAt: number[] = [];
  for (const { flow } of phones) flow.onClose(() => closedAt.push(performance.now()));
  const began = performance.now();
  const over = pool.pods.get(A)?.drain();
  expect(pool.pods.get(A)?.host.health.state).toBe('draining');
  // Their groups are handed over first.
  for (const name of people) pool.move(name, B);
  const last = phones.find(({ flow }) => !flow.closed) as Phone;
  const asked = last.ask('MESSAGE', uriOf('bob'), { body: 'still here' });
  bob.answer(await bob.next('MESSAGE'), 200);
  expect((await asked).status).toBe(200);
  await over;
  await vi.waitFor(() => expect(closedAt).toHaveLength(people.length), soon);
  // Ten each second: nobody is closed together with all others.
  expect(performance.now() - began).toBeGreaterThan(1_000);
  const within = (from: number) => closedAt.filter((at) => at >= from && at < from + 200).length;
  expect(Math.max(...closedAt.map(within))).toBeLessThan(people.length / 2);
  const again = await signedIn(people[0] as string, B, 'tcp');
  const told = bob.ask('MESSAGE', uriOf(people[0] as string), { body: 'there you are' });
  again.answer(await again.next('MESSAGE'), 200);
  expect((await told).status).toBe(200);
}, 30_000);

test.each([
  ['this pod', A],
  ['another pod', B],
])(
  'a call that rings in %s keeps its connections to the end',
  async (_, owner) => {
    pool.move('alice', owner);
    pool.move('bob', owner);
    const alice = await signedIn('alice', A, 'tcp');
    const bob = await signedIn('bob', A, 'tcp');
    const idle = await signedIn('person-0', A, 'tcp');
    const headers: [string, string][] = [['Contact', `<${alice.contact}>`]];
    const calling = alice.ask('INVITE', uriOf('bob'), { headers });
    const invite = await bob.next('INVITE');
    bob.answer(invite, 180);
    await alice.heard(180);
    const over = pool.pods.get(A)?.drain();
    await vi.waitFor(() => expect(idle.flow.closed).toBe(true), soon);
    // Longer than idle ones are left alone.
    await vi.waitFor(async () => expect(await metric('connections')).toBe(2), soon);
    expect([alice.flow.closed, bob.flow.closed]).toEqual([false, false]);
    bob.answer(invite, 486);
    expect((await calling).status).toBe(486);
    await over;
    await vi.waitFor(() => expect([alice.flow.closed, bob.flow.closed]).toEqual([true, true]), soon);
  },
  30_000,
);

async function metric(what: string): Promise<number | undefined> {
  const found = await pool.pods.get(A)?.host.metrics.getSingleMetric('linchpin_drain_remaining')?.get();
  return found?.values.find(({ labels }) => labels.what === what)?.value;
}

test('datagrams are relayed for as long as the pod runs, and new connections are not taken after a moment', async () => {
  const bob = await signedIn('bob', B, 'udp');
  const alice = await signedIn('alice', A, 'udp');
  const holding = await signedIn('person-0', A, 'tcp');
  const headers: [string, string][] = [['Contact', `<${holding.contact}>`]];
  const calling = holding.ask('INVITE', uriOf('bob'), { headers });
  const invite = await bob.next('INVITE');
  const over = pool.pods.get(A)?.drain();
  for (const name of ['alice', ...people]) pool.move(name, B);
  const late = await pool.phone('person-1', A, { transport: 'tcp' });
  expect((await late.register()).status).toBe(200);
  await vi.waitFor(
    () => expect(pool.phone('person-2', A, { transport: 'tcp' })).rejects.toThrow('ECONNREFUSED'),
    soon,
  );
  const asked = alice.ask('MESSAGE', uriOf('bob'), { body: 'by datagram' });
  bob.answer(await bob.next('MESSAGE'), 200);
  expect((await asked).status).toBe(200);
  bob.answer(invite, 603);
  expect((await calling).status).toBe(603);
  await over;
}, 30_000);

// Last, with the real fabric: what the tests above moved by hand.
test('its groups go to the other with all that is kept for their users, and then nothing is left', async () => {
  await pool.close();
  const users = Object.fromEntries(people.map((name) => [name, '']));
  pool = await startPool({ pods: [A, B], users, real: true, config: { drainSeconds: 12 } });
  const admin = createRpcClient(
    FrontendClient,
    `127.0.0.1:${pool.pods.get(B)?.rpc.port}`,
    'frontend',
    await pool.lab.mtls('admin'),
  );
  const poolNow = promisify<GetPoolRequest, GetPoolReply>(admin.getPool.bind(admin));
  const describeUser = promisify<DescribeUserRequest, DescribeUserReply>(admin.describeUser.bind(admin));
  await vi.waitFor(
    async () => expect((await poolNow({ pool: '' })).quorum).toBe('32 of 32 groups served'),
    soon,
  );
  const phones = await Promise.all(people.map((name, at) => signedIn(name, at % 2 ? A : B, 'tcp')));
  const [stays, leaves, other] = phones as [Phone, Phone, Phone];
  const seen: DrainProgress[] = [];
  const pod = createRpcClient(
    PodClient,
    `127.0.0.1:${pool.pods.get(A)?.rpc.port}`,
    'frontend',
    await pool.lab.mtls('admin'),
  );
  const call = pod.drain({}).on('data', (progress: DrainProgress) => seen.push(progress));
  const ended = once(call, 'end');
  await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0), soon);
  // Whoever it is that serves them by now.
  const asked = stays.ask('MESSAGE', other.aor, { body: 'are you still there?' });
  other.answer(await other.next('MESSAGE'), 200);
  expect((await asked).status).toBe(200);
  await ended;
  expect(seen.at(-1)).toMatchObject({ state: DrainState.DONE, remaining: {} });
  const { groups } = await poolNow({ pool: '' });
  expect(groups.every(({ owner }) => owner === B)).toBe(true);
  expect(groups[0]?.lastSequence).toBeGreaterThan(0);
  await pool.pods.get(A)?.stop();
  // The binding is kept for its grace, over the end of the pod to which its connection was.
  expect(await describeUser({ user: leaves.aor })).toMatchObject({
    servedBy: B,
    owner: B,
    endpoints: [{ contact: leaves.contact, pod: A }],
  });
  await signedIn('person-1', B, 'tcp');
  admin.close();
  pod.close();
}, 60_000);
