// A pod is asked to end while NATS is away: it ends in time, and what it has acknowledged is in the outbox.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { address, createRig, type Pod, type Rig } from './rig.ts';

const alice = { name: address('alice') };
/** What it waits for by itself takes 6 s at most, and a process is ended by force after 10 s; what hangs, hangs for good. */
const IN_TIME_MS = 20_000;

let rig: Rig;
beforeEach(async () => {
  rig = await createRig({ pods: 1 });
});
afterEach(() => rig.close());

async function ended({ started, stop }: Pod): Promise<'in time' | 'late'> {
  await started.drain();
  return Promise.race([stop().then(() => 'in time' as const), sleep(IN_TIME_MS, 'late' as const)]);
}

const pod = (at: number): Pod => rig.pods[at] as Pod;

test('a pod that has never had NATS', async () => {
  await rig.lab.stopNats();
  void rig.another().catch(() => {});
  await vi.waitFor(() => expect(rig.pods).toHaveLength(2), { timeout: 30_000 });
  expect(await ended(pod(1))).toBe('in time');
}, 60_000);

test.each(['pauseNats', 'stopNats'] as const)(
  'a pod whose NATS went by %s',
  async (go) => {
    const { chat } = pod(0).role;
    await chat.createCategory(
      { name: 'root', admin: true },
      { name: 'All', allowed: ['domain:contoso.lab'], creators: [alice.name] },
    );
    await chat.createRoom(alice, { name: 'Talk', category: 'All' });
    await vi.waitFor(async () => expect(await rig.sql('SELECT FROM outbox')).toEqual([]), {
      timeout: 10_000,
    });
    await rig.lab[go]();
    await chat.post(alice, 'Talk', { clientId: '1', body: 'kept' });
    expect(await ended(pod(0))).toBe('in time');
    expect(JSON.stringify(await rig.sql('SELECT * FROM outbox'))).toContain('kept');
    rig.lab.resumeNats();
  },
  60_000,
);
