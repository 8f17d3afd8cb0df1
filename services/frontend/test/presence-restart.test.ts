import type { SipRequest } from '@linchpin/sip';
import { groupOf } from '@linchpin/topology';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { document } from './presence-documents.ts';
import { binding, Harness, user } from './presence-harness.ts';

let harness: Harness;
beforeEach(() => {
  vi.useFakeTimers();
  harness = new Harness();
});
afterEach(() => {
  harness.stop();
  vi.useRealTimers();
});

const alice = 'sip:alice@contoso.lab';
const away = document({ activities: '<rpid:away/>' });
const busy = document({ activities: '<rpid:busy/>' });
const settled = () => vi.advanceTimersByTimeAsync(0);
const states = (notifies: readonly SipRequest[]) =>
  notifies.map((notify) => notify.get('subscription-state'));

describe('after a restart', () => {
  test('subscriptions go on in the same dialog with higher numbers', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    const seen: number[] = [];
    for (const body of [busy, away, busy]) {
      harness.restart();
      await harness.published('alice', harness.flow(), body);
      await vi.advanceTimersByTimeAsync(11_000);
      harness.restart();
      await settled();
    }
    seen.push(...watch.notifies.map(({ cseq }) => cseq.seq));
    expect(seen).toHaveLength(4);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBe(4);
    expect(new Set(watch.notifies.map(({ from }) => from.tag)).size).toBe(1);
    expect((await watch.resubscribe()).status).toBe(200);
    expect((await watch.resubscribe({ expires: '0' })).status).toBe(200);
  });

  test('nobody is told what was told before', async () => {
    harness.bindings.set(alice, [binding(harness.flow(), 'sip:a@192.0.2.1')]);
    harness.presence.bindingsChanged(alice);
    await harness.published('alice', harness.flow(), busy);
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await vi.advanceTimersByTimeAsync(11_000);
    harness.restart();
    await settled();
    harness.presence.bindingsChanged(alice);
    await settled();
    expect(watch.notifies).toHaveLength(1);
  });

  test('what was published just before is told, be it once more: the process may have stored it and no more', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    const published = harness.published('alice', harness.flow(), busy);
    harness.restart();
    await published;
    await settled();
    expect(watch.body).toContain('<rpid:busy/>');
  });

  test('what changed meanwhile is told', async () => {
    await harness.published('alice', harness.flow(), busy, { expires: '60' });
    const [bob, carol] = [
      await harness.watch('bob', 'alice', harness.flow()),
      await harness.watch('carol', 'alice', harness.flow()),
    ];
    await settled();
    harness.stop();
    vi.setSystemTime(Date.now() + 120_000);
    harness.users.set(
      alice,
      user(alice, { containers: [{ id: 32000, members: ['sip:carol@contoso.lab'] }] }),
    );
    harness.restart();
    await settled();
    for (const watch of [bob, carol]) expect(watch.body).toContain('<basic>closed</basic>');
  });

  test('who was blocked meanwhile is not told what changed meanwhile', async () => {
    const [desk, watcher] = [harness.flow(), harness.flow()];
    harness.bindings.set(alice, [binding(desk, 'sip:a@192.0.2.1')]);
    harness.presence.bindingsChanged(alice);
    await harness.published('alice', desk, busy);
    const watch = await harness.watch('bob', 'alice', watcher);
    await settled();
    harness.stop();
    harness.bindings.set(alice, [binding(harness.flow(), 'sip:b@192.0.2.1')]);
    harness.users.set(alice, user(alice, { containers: [{ id: 32000, members: ['sip:bob@contoso.lab'] }] }));
    harness.restart();
    await settled();
    expect(watch.notifies).toHaveLength(2);
    expect(watch.body).toContain('<basic>closed</basic>');
  });

  test('endpoints that are found gone while the process starts are told', async () => {
    harness.bindings.set(alice, [binding(harness.flow(), 'sip:a@192.0.2.1')]);
    harness.presence.bindingsChanged(alice);
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.restart((presence) => {
      harness.bindings.delete(alice);
      presence.bindingsChanged(alice);
    });
    await settled();
    expect(watch.notifies).toHaveLength(2);
    expect(watch.body).toContain('<basic>closed</basic>');
  });

  test('nobody is taken for gone while the users are not known yet', async () => {
    await harness.published('alice', harness.flow(), busy);
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await vi.advanceTimersByTimeAsync(11_000);
    const users = new Map(harness.users);
    harness.domains = [];
    harness.users.clear();
    harness.restart();
    await settled();
    harness.domains = ['contoso.lab'];
    for (const [aor, spec] of users) harness.users.set(aor, spec);
    harness.presence.directoryChanged([...users.keys()]);
    await settled();
    expect(watch.notifies).toHaveLength(1);
    await harness.published('alice', harness.flow(), away);
    await settled();
    expect(watch.body).toContain('<rpid:away/>');
  });

  test('what expired meanwhile is ended', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow(), { expires: '60' });
    await settled();
    harness.stop();
    vi.setSystemTime(Date.now() + 120_000);
    harness.restart();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(states(watch.notifies).at(-1)).toBe('terminated;reason=timeout');
    expect(harness.state.values.size).toBe(0);
  });

  test('a store that is away holds up what needs it, and no longer', async () => {
    const flow = harness.flow();
    harness.bindings.set(alice, [binding(flow, 'sip:a@192.0.2.1')]);
    harness.presence.bindingsChanged(alice);
    await harness.published('alice', flow, busy);
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await vi.advanceTimersByTimeAsync(11_000);
    harness.restart();
    harness.state.away = true;
    harness.bindings.delete(alice);
    harness.presence.bindingsChanged(alice);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(watch.notifies).toHaveLength(1);
    harness.state.away = false;
    await vi.advanceTimersByTimeAsync(7_000);
    expect(watch.body).toContain('<basic>closed</basic>');
    expect(harness.presence.describe(alice).availability).toBe(18500);
  });

  test('numbers cost one write, not one each', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    harness.restart();
    const publisher = harness.flow();
    for (const body of [busy, away, busy, away]) {
      await harness.published('alice', publisher, body);
      await settled();
    }
    expect(watch.notifies.length).toBeGreaterThan(4);
    const writes = harness.state.writes.filter((key) => key.startsWith('subscription.'));
    expect(writes).toHaveLength(2);
  });
});

describe('when another Front End goes on with a group', () => {
  const group = groupOf(alice);
  const moved = { name: 'StateUnavailable' };

  test('it goes on in the same dialog with higher numbers, and back again', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    const there = harness.neighbour();
    const front = { here: harness.presence, there: there.presence };
    for (const [from, to] of [
      [front.here, front.there],
      [front.there, front.here],
    ] as const) {
      from.release(group);
      to.take(group);
      harness.presence = to;
      await harness.published('alice', harness.flow(), to === front.there ? busy : away);
      await settled();
    }
    there.stop();
    const numbers = watch.notifies.map(({ cseq }) => cseq.seq);
    expect(numbers).toHaveLength(3);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(watch.body).toContain('<rpid:away/>');
    expect((await watch.resubscribe()).status).toBe(200);
  });

  test('nothing is sent or stored here any more', async () => {
    const [desk, watcher] = [harness.flow(), harness.flow()];
    harness.bindings.set(alice, [binding(desk, 'sip:a@192.0.2.1')]);
    harness.presence.bindingsChanged(alice);
    await harness.published('alice', desk, busy, { expires: '60' });
    watcher.answer = undefined;
    const watch = await harness.watch('bob', 'alice', watcher, { expires: '60' });
    await settled();
    expect(watch.notifies).toHaveLength(1);
    harness.presence.release(group);
    const writes = harness.state.writes.length;
    watcher.respond(watch.last, 481);
    harness.bindings.delete(alice);
    harness.presence.bindingsChanged(alice);
    harness.users.delete(alice);
    harness.presence.directoryChanged([alice, 'sip:bob@contoso.lab']);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(watch.notifies).toHaveLength(1);
    expect(harness.state.writes).toHaveLength(writes);
    expect(await harness.metrics.getSingleMetricAsString('linchpin_subscriptions_current')).toMatch(/ 0$/);
    expect(await harness.metrics.getSingleMetricAsString('linchpin_publications_current')).toMatch(/ 0$/);
  });

  test('a SUBSCRIBE that was being stored is to be sent again, and its dialog lives', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    for (const ask of [() => watch.resubscribe(), () => harness.watch('carol', 'alice', harness.flow())]) {
      const asked = ask();
      harness.presence.release(group);
      await expect(asked).rejects.toMatchObject(moved);
      harness.presence.take(group);
    }
    expect((await watch.resubscribe()).status).toBe(200);
  });

  test('a store that refuses is asked no more', async () => {
    const desk = harness.flow();
    harness.bindings.set(alice, [binding(desk, 'sip:a@192.0.2.1')]);
    harness.presence.bindingsChanged(alice);
    await settled();
    const put = vi.spyOn(harness.state, 'put');
    harness.state.away = true;
    harness.bindings.delete(alice);
    harness.presence.bindingsChanged(alice);
    await settled();
    const asked = put.mock.calls.length;
    harness.presence.release(group);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(put).toHaveBeenCalledTimes(asked);
  });
});
