import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { document } from './presence-documents.ts';
import { binding, Harness } from './presence-harness.ts';

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
const answering = (status: number | undefined, options: { reliable?: boolean } = {}) =>
  Object.assign(harness.flow(options), { answer: status });
const settled = () => vi.advanceTimersByTimeAsync(0);

describe('NOTIFY', () => {
  test('follows each change, and no more than that', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    const flow = harness.flow();
    await settled();
    const first = await harness.published('alice', flow, busy);
    await settled();
    expect(watch.body).toContain('<rpid:busy/>');
    const second = await harness.published('alice', flow, busy, { 'sip-if-match': first });
    await settled();
    expect(watch.notifies).toHaveLength(2);
    await harness.published('alice', flow, undefined, { 'sip-if-match': second, expires: '0' });
    await settled();
    expect(watch.notifies).toHaveLength(3);
    expect(watch.body).toContain('<basic>closed</basic>');
    expect(watch.notifies.map(({ cseq }) => cseq.seq)).toEqual([1, 2, 3]);
  });

  test('waits for the answer to the one before, and then tells the latest', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    watch.flow.answer = undefined;
    const publisher = harness.flow();
    await harness.published('alice', publisher, busy);
    for (const body of [away, busy, away]) await harness.published('alice', publisher, body);
    await settled();
    expect(watch.notifies).toHaveLength(2);
    expect(watch.body).toContain('<rpid:busy/>');
    watch.flow.respond(watch.last, 200);
    await settled();
    expect(watch.notifies).toHaveLength(3);
    expect(watch.body).toContain('<rpid:away/>');
  });

  test('does not tell what has been undone meanwhile', async () => {
    const watch = await harness.watch('bob', 'alice', answering(undefined));
    const etag = await harness.published('alice', harness.flow(), busy);
    await harness.published('alice', harness.flow(), undefined, { 'sip-if-match': etag, expires: '0' });
    watch.flow.respond(watch.last, 200);
    await settled();
    expect(watch.notifies).toHaveLength(1);
  });

  test.each([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])(
    'answered with %d ends the subscription',
    async (status) => {
      const watch = await harness.watch('bob', 'alice', answering(status));
      await settled();
      expect(harness.state.values.size).toBe(0);
      await harness.published('alice', harness.flow(), busy);
      await settled();
      expect(watch.notifies).toHaveLength(1);
      expect((await watch.resubscribe()).status).toBe(481);
    },
  );

  test.each([415, 500, 503, 603])('answered with %d does not', async (status) => {
    const watch = await harness.watch('bob', 'alice', answering(status));
    await settled();
    await harness.published('alice', harness.flow(), busy);
    await settled();
    expect(watch.notifies).toHaveLength(2);
  });

  test('that nobody answers ends it after timer F', async () => {
    await harness.watch('bob', 'alice', answering(undefined, { reliable: false }));
    await vi.advanceTimersByTimeAsync(31_000);
    expect(harness.state.values.size).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(harness.state.values.size).toBe(0);
    expect(await harness.metrics.metrics()).toContain('linchpin_notifies_total{outcome="timeout"} 1');
  });

  test('skips a flow that is gone until the watcher comes back', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    watch.flow.close('gone');
    await harness.published('alice', harness.flow(), busy);
    await settled();
    expect(watch.notifies).toHaveLength(1);
    watch.flow = harness.flow();
    await watch.resubscribe();
    await settled();
    expect(watch.body).toContain('<rpid:busy/>');
    expect(harness.state.values.size).toBe(2);
  });

  test('that could not be sent is sent when the pod where the flow ends is back', async () => {
    const watcherFlow = harness.flow();
    const watch = await harness.watch('bob', 'alice', watcherFlow);
    await settled();
    watcherFlow.closed = true;
    await harness.published('alice', harness.flow(), busy);
    await settled();
    watcherFlow.closed = false;
    harness.presence.wayBack('edge-1');
    await settled();
    expect(watch.notifies).toHaveLength(1);
    harness.presence.wayBack('edge-0');
    await settled();
    expect(watch.body).toContain('<rpid:busy/>');
  });

  test('that is lost with the way it took holds up none on the way by which the watcher comes back', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    watch.flow.answer = undefined;
    await harness.published('alice', harness.flow(), busy);
    watch.flow = harness.flow();
    await watch.resubscribe();
    await settled();
    expect(watch.body).toContain('<rpid:busy/>');
    await vi.advanceTimersByTimeAsync(40_000);
    await harness.published('alice', harness.flow(), away);
    await settled();
    expect(watch.body).toContain('<rpid:away/>');
  });

  test('of a subscription that expires on a dead flow is left out', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow(), { expires: '60' });
    await settled();
    watch.flow.close('gone');
    await vi.advanceTimersByTimeAsync(61_000);
    expect(watch.notifies).toHaveLength(1);
    expect(harness.state.values.size).toBe(0);
  });

  test('takes the recorded route', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow(), {
      'record-route': '<sip:p1;lr>, <sip:p2;lr>',
    });
    await settled();
    expect(watch.last.values('route')).toEqual(['<sip:p1;lr>', '<sip:p2;lr>']);
  });

  test('tells signing in and out', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.bindings.set(alice, [binding(harness.flow(), 'sip:a@192.0.2.1')]);
    harness.presence.bindingsChanged(alice);
    await settled();
    expect(watch.body).toContain('<basic>open</basic>');
    harness.bindings.delete(alice);
    harness.presence.bindingsChanged(alice);
    await settled();
    expect(watch.body).toContain('<basic>closed</basic>');
    expect(watch.notifies).toHaveLength(3);
  });
});
