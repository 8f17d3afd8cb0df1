import type { SipRequest } from '@linchpin/sip';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { document } from './presence-documents.ts';
import { Harness, user } from './presence-harness.ts';

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
