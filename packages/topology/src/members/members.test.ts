import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { keyToken, MEMBERS_BUCKET } from '@linchpin/proto/subjects';
import { jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { linkTo, type NatsServer, startNatsServer } from '../../test/nats-server.ts';
import type { NatsLink } from '../replica.ts';
import { createMembers, type Members } from './members.ts';

const timing = { heartbeatMs: 60, leaseMs: 300, takeoverMs: 450 };
const soon = { timeout: 10_000, interval: 5 };

let server: NatsServer;
let ends: (() => Promise<unknown>)[] = [];
const messages: string[] = [];
const note = (_: object, message: string) => void messages.push(message);
const log = { debug() {}, info: note, warn: note, error: note };

beforeEach(async () => {
  server = await startNatsServer();
  messages.length = 0;
  replaced.length = 0;
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
  await server.remove();
});

function link(): NatsLink {
  const made = linkTo(server);
  ends.push(made.close);
  return made;
}

const replaced: string[] = [];

function member(pod: string, role: 'frontend' | 'edge' | 'director' = 'frontend', nats = link()): Members {
  const self = { pod, role, pool: role, address: '127.0.0.1:1', productVersion: '0' };
  const members = createMembers({ nats, self, log, timing, onReplaced: () => replaced.push(pod) });
  ends.push(members.stop);
  members.follow();
  return members;
}

async function announced(pod: string, role?: 'frontend' | 'edge' | 'director'): Promise<Members> {
  const members = member(pod, role);
  await members.announce({});
  return members;
}

/** In a process of its own. */
async function foreign(pod: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, '../../test/member.ts');
  const { heartbeatMs, leaseMs, takeoverMs } = timing;
  const args = [script, server.port, pod, heartbeatMs, leaseMs, takeoverMs].map(String);
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  ends.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

async function bucket(): Promise<KV> {
  return new Kvm(await link().connection()).open(MEMBERS_BUCKET);
}

const pods = (members: Members) => () =>
  members
    .list()
    .map(({ pod }) => pod)
    .sort();
const sees = (members: Members, ...expected: string[]) =>
  vi.waitFor(() => expect(pods(members)()).toEqual(expected), soon);

/** Follows who is seen from now on. */
function history(members: Members): string[] {
  const seen: string[] = [];
  members.onChange(() => seen.push(pods(members)().join(' ')));
  return seen;
}

describe('members', () => {
  it('see each other come, change and leave', async () => {
    const a = await announced('fe-0');
    const b = await announced('fe-1');
    await sees(a, 'fe-0', 'fe-1');
    await sees(b, 'fe-0', 'fe-1');
    expect(a.get('fe-1')).toMatchObject({ role: 'frontend', pool: 'frontend', state: 'running' });

    const told = vi.fn();
    a.onChange(told);
    const groups = {
      owned: [[3, 1]] as [number, number][],
      warm: [4],
      backupLag: 0,
      users: 1,
      registrations: 2,
    };
    await b.announce({ state: 'draining', groups });
    await vi.waitFor(() => expect(a.get('fe-1')).toMatchObject({ state: 'draining', groups }), soon);
    const beat = a.get('fe-1')?.beat ?? 0;
    await vi.waitFor(() => expect(a.get('fe-1')?.beat).toBeGreaterThan(beat + 2), soon);
    expect(told).toHaveBeenCalledTimes(1);

    await b.stop();
    await sees(a, 'fe-0');
    expect(messages).not.toContain('a member is dead');
  });

  it('are listed by role and pool, the own one from when it was announced', async () => {
    const a = member('fe-0');
    await announced('dir-0', 'director');
    await sees(a, 'dir-0');
    await a.announce({ address: '127.0.0.1:7040' });
    expect(a.get('fe-0')?.address).toBe('127.0.0.1:7040');
    expect(a.list('frontend', 'frontend').map(({ pod }) => pod)).toEqual(['fe-0']);
    expect(a.list('frontend', 'other')).toEqual([]);
  });

  it('know when all that were there are known', async () => {
    await announced('fe-0');
    const b = member('fe-1');
    expect(b.loaded).toBe(false);
    await vi.waitFor(() => expect(b.loaded).toBe(true), soon);
    expect(pods(b)()).toEqual(['fe-0']);
  });

  it('are dead after a silence, and there again when they speak', async () => {
    const a = await announced('fe-0');
    const child = await foreign('fe-1');
    await sees(a, 'fe-0', 'fe-1');
    const began = performance.now();
    child.kill('SIGSTOP');
    await sees(a, 'fe-0');
    expect(performance.now() - began).toBeGreaterThan(timing.takeoverMs - timing.heartbeatMs);
    child.kill('SIGCONT');
    await sees(a, 'fe-0', 'fe-1');
    child.kill('SIGKILL');
    await sees(a, 'fe-0');
  });

  it('do not die because the observer slept', async () => {
    const a = await announced('fe-0');
    await foreign('fe-1');
    await sees(a, 'fe-0', 'fe-1');
    const seen = history(a);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * timing.takeoverMs);
    const beat = a.get('fe-1')?.beat ?? 0;
    await vi.waitFor(() => expect(a.get('fe-1')?.beat).toBeGreaterThan(beat + 40), soon);
    expect(seen).toEqual([]);
  });

  it('see nobody die while NATS is away or stands still, and find all again in an empty bucket', async () => {
    const [a, b] = [await announced('fe-0'), await announced('fe-1')];
    await sees(a, 'fe-0', 'fe-1');
    await sees(b, 'fe-0', 'fe-1');
    const seen = [history(a), history(b)];
    for (const interruption of ['stop', 'stand still'] as const) {
      const leases = [a.leaseUntil, b.leaseUntil];
      if (interruption === 'stop') await server.stop();
      else server.pause();
      await vi.waitFor(
        () => expect(performance.now()).toBeGreaterThan(Math.max(...leases) + timing.takeoverMs),
        soon,
      );
      expect(a.leaseUntil).toBeLessThan(performance.now());
      if (interruption === 'stop') await server.start({ empty: true });
      else server.resume();
      const now = performance.now();
      for (const one of [a, b]) await vi.waitFor(() => expect(one.leaseUntil).toBeGreaterThan(now), soon);
      const beat = a.get('fe-1')?.beat ?? 0;
      await vi.waitFor(() => expect(a.get('fe-1')?.beat).toBeGreaterThan(beat + 12), soon);
    }
    expect(seen).toEqual([[], []]);
  }, 30_000);

  it('see others come and die after NATS has lost what it knew of their watch', async () => {
    const a = await announced('fe-0');
    await vi.waitFor(() => expect(a.loaded).toBe(true), soon);
    const manager = await jetstreamManager(await link().connection());
    const watchers = () => manager.consumers.list(`KV_${MEMBERS_BUCKET}`).next();
    await vi.waitFor(async () => expect(await watchers()).toHaveLength(1), soon);
    for (const { name } of await watchers()) await manager.consumers.delete(`KV_${MEMBERS_BUCKET}`, name);
    const child = await foreign('fe-1');
    await sees(a, 'fe-0', 'fe-1');
    child.kill('SIGKILL');
    await sees(a, 'fe-0');
  });

  it('that do not come back with NATS are dead', async () => {
    const a = await announced('fe-0');
    const child = await foreign('fe-1');
    await sees(a, 'fe-0', 'fe-1');
    await server.stop();
    child.kill('SIGKILL');
    await server.start({ empty: true });
    await sees(a, 'fe-0');
  });

  it('hold a lease only while their heartbeats are stored', async () => {
    const a = member('fe-0');
    const told: boolean[] = [];
    a.onLease((held) => told.push(held));
    expect(a.leaseUntil).toBe(0);
    await a.announce({});
    expect(a.leaseUntil).toBeGreaterThan(performance.now());
    expect(a.leaseUntil).toBeLessThanOrEqual(performance.now() + timing.leaseMs);
    expect(told).toEqual([true]);
    await server.stop();
    await vi.waitFor(() => expect(told).toEqual([true, false]), soon);
    await server.start();
    await vi.waitFor(() => expect(told).toEqual([true, false, true]), soon);
    await a.stop();
    expect(told.at(-1)).toBe(false);
    expect(a.leaseUntil).toBe(0);
    await expect(a.announce({})).rejects.toThrow('left its pool');
  });

  it('start while NATS is away', async () => {
    await server.stop();
    const a = member('fe-0');
    const stored = a.announce({ pool: 'fe' });
    expect(pods(a)()).toEqual(['fe-0']);
    await server.start();
    await stored;
    expect((await (await bucket()).get(`frontend.${keyToken('fe-0')}`))?.json()).toMatchObject({
      pool: 'fe',
    });
  });

  it('make the bucket in memory, and again when it is lost', async () => {
    const a = await announced('fe-0');
    const kv = await bucket();
    expect((await kv.status()).streamInfo.config).toMatchObject({
      storage: 'memory',
      max_msgs_per_subject: 1,
    });
    await kv.destroy();
    await a.announce({});
    expect((await kv.get(`frontend.${keyToken('fe-0')}`))?.operation).toBe('PUT');
  });

  it('do not take the word of who speaks under the key of another', async () => {
    const a = await announced('fe-0');
    const kv = await bucket();
    const record = { pod: 'fe-1', role: 'frontend', pool: 'frontend', address: '192.0.2.1:1' };
    const lie = { ...record, incarnation: 'x', beat: 1, state: 'running', productVersion: '0' };
    await kv.put(`edge.${keyToken('fe-1')}`, JSON.stringify(lie));
    await kv.put(`frontend.${keyToken('fe-2')}`, JSON.stringify(lie));
    await kv.put(`frontend.${keyToken('fe-3')}`, '{');
    await vi.waitFor(
      () => expect(messages.filter((text) => text.includes('not the record'))).toHaveLength(3),
      soon,
    );
    expect(pods(a)()).toEqual(['fe-0']);
  });

  it('of role Edge see Directors only, and see them die as others do', async () => {
    const edge = member('edge-0', 'edge');
    const fe = await announced('fe-0');
    await edge.announce({});
    await announced('dir-0', 'director');
    const other = await announced('dir-1', 'director');
    await sees(edge, 'dir-0', 'dir-1', 'edge-0');
    await sees(fe, 'dir-0', 'dir-1', 'edge-0', 'fe-0');
    // It comes back with its next heartbeat, which may be sooner than anybody looks.
    let wasGone = false;
    edge.onChange(() => {
      wasGone ||= edge.get('dir-1') === undefined;
    });
    await (await bucket()).delete(`director.${keyToken('dir-1')}`);
    await vi.waitFor(() => expect(wasGone).toBe(true), soon);
    await sees(edge, 'dir-0', 'dir-1', 'edge-0');
    await other.stop();
    await sees(edge, 'dir-0', 'edge-0');
  });
});

it('of two processes with one name the older gives way, and leaves the record to the newer', async () => {
  const observer = await announced('frontend-9');
  const older = await announced('frontend-0');
  const members = await bucket();
  await vi.waitFor(async () => {
    const record = await members.get(`frontend.${keyToken('frontend-0')}`);
    expect(record?.json<{ beat: number }>().beat).toBeGreaterThan(5);
  }, soon);
  await sees(observer, 'frontend-0', 'frontend-9');
  const newer = await announced('frontend-0');
  await vi.waitFor(() => expect(replaced).toEqual(['frontend-0']), soon);
  expect(older.leaseUntil).toBeLessThan(performance.now());
  await older.stop();
  await new Promise((resolve) => setTimeout(resolve, 2 * timing.takeoverMs));
  expect(newer.leaseUntil).toBeGreaterThan(performance.now());
  expect(pods(observer)()).toEqual(['frontend-0', 'frontend-9']);
  expect(replaced).toEqual(['frontend-0']);
});
