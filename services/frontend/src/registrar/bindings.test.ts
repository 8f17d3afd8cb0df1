import { userStateKey } from '@linchpin/proto/subjects';
import { GROUPS, groupOf } from '@linchpin/topology';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createFakeState } from '../../test/presence-harness.ts';
import type { Binding } from './binding.ts';
import { createBindings } from './bindings.ts';

const alice = 'sip:alice@contoso.lab';
const group = groupOf(alice);
/** Of another group than alice. */
const other = Array.from({ length: 2 * GROUPS }, (_, i) => `sip:user${i}@contoso.lab`).find(
  (aor) => groupOf(aor) !== group,
) as string;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const held = (seconds: number, flowId = 'tcp/1'): Binding => ({
  contact: `sip:a@${flowId}`,
  flowId,
  callId: 'old',
  cseq: 1,
  transport: 'tcp',
  received: '192.0.2.1:3000',
  expiresAt: Date.now() + seconds * 1000,
  path: [],
  q: 1,
});

function bindingsOver(users: Record<string, Binding[]>) {
  const state = createFakeState();
  for (const [aor, bindings] of Object.entries(users))
    state.values.set(userStateKey('bindings', aor.slice(4)), JSON.stringify(bindings));
  const removed: string[] = [];
  const log = pino({ level: 'silent' });
  const bindings = createBindings({ state, log, onRemoved: (aor) => removed.push(aor) });
  return { state, bindings, removed };
}

describe('bindings of a group', () => {
  test('are taken up with their timers, and those of other groups are not', () => {
    const { bindings, removed, state } = bindingsOver({ [alice]: [held(10)], [other]: [held(10)] });
    expect(bindings.users().size).toBe(0);
    bindings.take(group);
    expect([[...bindings.users().keys()], bindings.count]).toEqual([[alice], 1]);
    expect([...bindings.usersOf(group)]).toEqual([alice]);
    vi.advanceTimersByTime(12_000);
    expect([removed, bindings.count]).toEqual([[alice], 0]);
    expect([...state.values.keys()]).toEqual([userStateKey('bindings', other.slice(4))]);
  });

  test('are forgotten with their timers once another Front End goes on with them', async () => {
    const { bindings, removed, state } = bindingsOver({ [alice]: [held(10)] });
    bindings.take(group);
    bindings.release(group);
    vi.advanceTimersByTime(12_000);
    bindings.remove(alice, () => true, 'connection lost');
    expect([bindings.users().size, bindings.count]).toEqual([0, 0]);
    expect(removed).toEqual([]);
    expect(state.writes).toEqual([]);
    bindings.take(group);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(removed).toEqual([alice]);
  });

  test('are not written again and again for a group that has moved', async () => {
    const { bindings, state } = bindingsOver({ [alice]: [held(10), held(60, 'tcp/2')] });
    const put = vi.spyOn(state, 'put');
    bindings.take(group);
    expect(bindings.count).toBe(2);
    state.away = true;
    await vi.advanceTimersByTimeAsync(12_000);
    const asked = put.mock.calls.length;
    expect(asked).toBeGreaterThan(0);
    bindings.release(group);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(put).toHaveBeenCalledTimes(asked);
  });

  test('that were being stored when their group moved are not served here', async () => {
    const { bindings } = bindingsOver({});
    bindings.take(group);
    const stored = bindings.store(alice, [held(600)]);
    bindings.release(group);
    await stored;
    expect(bindings.users().size).toBe(0);
  });
});
