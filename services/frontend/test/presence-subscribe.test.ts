import type { SipRequest } from '@linchpin/sip';
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
const answering = (status: number | undefined, options: { reliable?: boolean } = {}) =>
  Object.assign(harness.flow(options), { answer: status });
const settled = () => vi.advanceTimersByTimeAsync(0);
const states = (notifies: readonly SipRequest[]) =>
  notifies.map((notify) => notify.get('subscription-state'));

describe('SUBSCRIBE', () => {
  test('is stored, then answered, then followed by the whole state', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    expect(watch.response.status).toBe(200);
    expect(watch.response.get('expires')).toBe('600');
    expect(watch.response.get('contact')).toBe('<sip:frontend-0.contoso.lab:5060;transport=tcp>');
    expect(harness.state.values.size).toBe(1);
    await settled();
    expect(watch.notifies).toHaveLength(1);
    expect(watch.last.get('event')).toBe('presence');
    expect(watch.last.get('subscription-state')).toBe('active;expires=600');
    expect(watch.last.get('content-type')).toBe('application/pidf+xml');
    expect(watch.last.uri).toBe(`sip:bob@192.0.2.1:${watch.flow.remote.port}`);
    expect(watch.last.from.tag).toBe(watch.response.to.tag);
    expect(watch.last.get('contact')).toBe('<sip:frontend-0.contoso.lab:5060;transport=tcp>');
    expect(watch.body).toContain('<basic>closed</basic>');
  });

  test('goes by the limits of the policy of the presentity', async () => {
    harness.users.set(
      alice,
      user(
        alice,
        {},
        { minSubscriptionExpires: 120, defaultSubscriptionExpires: 500, maxSubscriptionExpires: 700 },
      ),
    );
    const granted = async (headers: Record<string, string>) => {
      const { response } = await harness.watch('bob', 'alice', harness.flow(), headers);
      return [response.status, response.get('expires') ?? response.get('min-expires')];
    };
    expect(await granted({ expires: '120' })).toEqual([200, '120']);
    expect(await granted({ expires: '900' })).toEqual([200, '700']);
    expect(await granted({ expires: '119' })).toEqual([423, '120']);
  });

  test.each([
    ['another event', { event: 'dialog' }, 489, 'event-package'],
    ['other types only', { accept: 'application/xpidf+xml' }, 406, 'not-acceptable'],
    ['a Contact that cannot be reached', { contact: '<tel:+1>' }, 416, undefined],
    ['a route that cannot be gone', { 'record-route': '<urn:x>' }, 416, undefined],
  ])('refuses %s', async (_name, headers, status, rule) => {
    const outcome = await harness
      .watch('bob', 'alice', harness.flow(), headers as Record<string, string>)
      .then(
        ({ response }) => [response.status, response.get('x-rule')],
        (error: { status: number }) => [error.status, undefined],
      );
    expect(outcome).toEqual([status, rule]);
    expect(harness.state.values.size).toBe(0);
  });

  test.each(['application/pidf+xml', 'text/x, application/PIDF+xml;q=0.5', 'application/*', '*/*'])(
    'takes Accept: %s',
    async (accept) => {
      expect((await harness.watch('bob', 'alice', harness.flow(), { accept })).response.status).toBe(200);
    },
  );

  test('to who is not there, or may not sign in, is refused', async () => {
    harness.users.set('sip:carol@contoso.lab', user('sip:carol@contoso.lab', { enabled: false }));
    expect((await harness.watch('bob', 'nobody', harness.flow())).response.status).toBe(404);
    expect((await harness.watch('bob', 'carol', harness.flow())).response.status).toBe(404);
  });

  test('for no time is answered once, and nothing is kept', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow(), { expires: '0' });
    expect(watch.response.get('expires')).toBe('0');
    await settled();
    expect(states(watch.notifies)).toEqual(['terminated;reason=timeout']);
    expect(watch.body).toContain('<basic>closed</basic>');
    expect(harness.state.values.size).toBe(0);
    expect((await watch.resubscribe()).status).toBe(481);
  });

  test('repeats the id of the event', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow(), { event: 'presence;id=7' });
    await settled();
    expect(watch.last.get('event')).toBe('presence;id=7');
    expect((await watch.resubscribe({ event: 'presence' })).status).toBe(481);
    expect((await watch.resubscribe({ event: 'presence;id=7' })).status).toBe(200);
  });

  test('fails when it cannot be stored, and sends nothing', async () => {
    harness.state.away = true;
    const flow = harness.flow();
    await expect(harness.watch('bob', 'alice', flow)).rejects.toMatchObject({ name: 'StateUnavailable' });
    await settled();
    expect(flow.received).toEqual([]);
  });
});

describe('within the dialog', () => {
  test('SUBSCRIBE refreshes on the flow it came by, and is followed by the state again', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    watch.flow = harness.flow();
    const response = await watch.resubscribe({ expires: '1000', contact: '<sip:bob@192.0.2.9>' });
    expect([response.status, response.get('expires')]).toEqual([200, '1000']);
    await settled();
    expect(watch.notifies).toHaveLength(1);
    expect(watch.last.get('subscription-state')).toBe('active;expires=1000');
    expect(watch.last.uri).toBe('sip:bob@192.0.2.9');
    expect(watch.last.cseq.seq).toBe(2);
  });

  test('Expires: 0 ends it', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    expect((await watch.resubscribe({ expires: '0' })).get('expires')).toBe('0');
    expect(harness.state.values.size).toBe(0);
    await settled();
    expect(states(watch.notifies)).toEqual(['active;expires=600', 'terminated;reason=timeout']);
    expect((await watch.resubscribe()).status).toBe(481);
  });

  test('ends with a NOTIFY when its time is over, not before', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow(), { expires: '60' });
    await vi.advanceTimersByTimeAsync(30_000);
    await watch.resubscribe({ expires: '60' });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(watch.notifies).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(states(watch.notifies).at(-1)).toBe('terminated;reason=timeout');
    expect(harness.state.values.size).toBe(0);
  });

  test('nobody else, and nothing old, is taken', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    expect((await watch.resubscribe({}, 'sip:carol@contoso.lab')).status).toBe(403);
    expect((await watch.resubscribe({ 'call-id': 'other' })).status).toBe(481);
    expect((await watch.resubscribe({ from: '<sip:bob@contoso.lab>;tag=other' })).status).toBe(481);
    expect((await watch.resubscribe({ cseq: '0 SUBSCRIBE' })).status).toBe(500);
    expect((await watch.resubscribe({ cseq: '9 SUBSCRIBE' })).status).toBe(200);
  });
});

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

describe('limits', () => {
  test('of watchers per presentity', async () => {
    harness.users.set(alice, user(alice, {}, { maxSubscribers: 1 }));
    expect((await harness.watch('bob', 'alice', harness.flow())).response.status).toBe(200);
    const { response } = await harness.watch('carol', 'alice', harness.flow());
    expect([response.status, response.get('retry-after')]).toEqual([480, '300']);
    expect((await harness.watch('carol', 'alice', harness.flow(), { expires: '0' })).response.status).toBe(
      200,
    );
  });

  test('of dialogs of one watcher with one presentity: the oldest is given up', async () => {
    const first = await harness.watch('bob', 'alice', harness.flow());
    for (let i = 0; i < 8; i++) await harness.watch('bob', 'alice', harness.flow());
    await settled();
    expect(states(first.notifies)).toEqual([
      'active;expires=600',
      'terminated;reason=giveup;retry-after=300',
    ]);
    expect(harness.presence.describe(alice).watchers).toBe(8);
  });
});

describe('authorization', () => {
  const reread = (name: string) => harness.presence.directoryChanged([`${name}@contoso.lab`]);

  test('a blocked watcher is told what everybody is told of who is offline', async () => {
    harness.users.set(
      alice,
      user(alice, { displayName: 'Alice', containers: [{ id: 32000, members: ['sip:bob@contoso.lab'] }] }),
    );
    const [blocked, other] = [
      await harness.watch('bob', 'alice', harness.flow()),
      await harness.watch('carol', 'alice', harness.flow()),
    ];
    await settled();
    expect(blocked.body).toBe(other.body);
    expect(blocked.response.status).toBe(200);
    await harness.published('alice', harness.flow(), busy);
    await settled();
    expect(other.body).toContain('<rpid:busy/>');
    expect(blocked.notifies).toHaveLength(1);
  });

  test('blocking and unblocking is told at once', async () => {
    await harness.published('alice', harness.flow(), busy);
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.set(alice, user(alice, { containers: [{ id: 32000, members: ['sip:bob@contoso.lab'] }] }));
    reread('alice');
    await settled();
    expect(watch.body).toContain('<basic>closed</basic>');
    expect(watch.body).not.toContain('busy');
    harness.users.set(alice, user(alice));
    reread('alice');
    await settled();
    expect(watch.body).toContain('<rpid:busy/>');
  });

  test('privacy mode shows who is not listed nothing, at once', async () => {
    await harness.published('alice', harness.flow(), busy);
    const [listed, other] = [
      await harness.watch('bob', 'alice', harness.flow()),
      await harness.watch('carol', 'alice', harness.flow()),
    ];
    await settled();
    const containers = [{ id: 300, members: ['sip:bob@contoso.lab'] }];
    harness.users.set(alice, user(alice, { containers }, { privacyMode: true }));
    reread('alice');
    await settled();
    expect(listed.body).toContain('<rpid:busy/>');
    expect(other.body).toContain('<basic>closed</basic>');
  });

  test('a new display name is told', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.set(alice, user(alice, { displayName: 'Alice Example' }));
    reread('alice');
    await settled();
    expect(watch.body).toContain('<c:display-name>Alice Example</c:display-name>');
  });

  test('ends with the presentity', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.delete(alice);
    reread('alice');
    await settled();
    expect(states(watch.notifies).at(-1)).toBe('terminated;reason=noresource');
    expect(watch.last.body).toHaveLength(0);
    expect(harness.state.values.size).toBe(0);
  });

  test('ends with the watcher', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    harness.users.set('sip:bob@contoso.lab', user('sip:bob@contoso.lab', { enabled: false }));
    reread('bob');
    await settled();
    expect(states(watch.notifies).at(-1)).toBe('terminated;reason=rejected');
    expect(watch.last.body).toHaveLength(0);
  });

  test('one document serves all who watch from one container', async () => {
    const watches = await Promise.all(
      Array.from({ length: 20 }, () => harness.watch('bob', 'alice', harness.flow())),
    );
    const other = await harness.watch('carol', 'alice', harness.flow());
    await harness.published(
      'alice',
      harness.flow(),
      document({ activities: '<rpid:away/>', more: '<note>back at 5</note>' }),
    );
    await settled();
    for (const watch of [...watches.slice(-7), other]) expect(watch.body).toContain('back at 5');
  });
});

describe('after a restart', () => {
  test('subscriptions go on in the same dialog with higher numbers', async () => {
    const watch = await harness.watch('bob', 'alice', harness.flow());
    await settled();
    const seen: number[] = [];
    for (const body of [busy, away, busy]) {
      harness.restart();
      await harness.published('alice', harness.flow(), body);
      await settled();
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
    await settled();
    harness.restart();
    await settled();
    harness.presence.bindingsChanged(alice);
    await settled();
    expect(watch.notifies).toHaveLength(1);
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

test('describe() counts the watchers', async () => {
  await harness.published(
    'alice',
    harness.flow(),
    document({ activities: '<rpid:meeting/>', more: '<note>room 5</note>' }),
  );
  await harness.watch('bob', 'alice', harness.flow());
  expect(harness.presence.describe(alice)).toEqual({
    availability: 6500,
    activity: 'meeting',
    note: 'room 5',
    watchers: 1,
  });
  expect(await harness.metrics.metrics()).toContain('linchpin_subscriptions_current 1');
});
