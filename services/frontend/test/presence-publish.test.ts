import { SipRequest, type SipResponse } from '@linchpin/sip';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { baresip, document, linphoneBusy } from './presence-documents.ts';
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
const availability = () => harness.presence.describe(alice).availability;
const away = document({ activities: '<rpid:away/>' });
const busy = document({ activities: '<rpid:busy/>' });

describe('PUBLISH', () => {
  test('is answered with an entity tag and the time it is kept, after it is stored', async () => {
    const response = await harness.publish('alice', harness.flow(), busy, { expires: '300' });
    expect(response.status).toBe(200);
    expect(response.get('expires')).toBe('300');
    expect(response.get('sip-etag')).toMatch(/^[0-9a-f]+$/);
    expect(harness.state.writes).toEqual(['publications.YWxpY2VAY29udG9zby5sYWI']);
    expect(availability()).toBe(6500);
  });

  test.each([
    [undefined, '3600'],
    ['60', '60'],
    ['86400', '3600'],
  ])('asked for %s s, keeps it %s s', async (asked, granted) => {
    const headers: Record<string, string> = asked === undefined ? {} : { expires: asked };
    expect((await harness.publish('alice', harness.flow(), busy, headers)).get('expires')).toBe(granted);
  });

  test('is refreshed, modified and removed by its entity tag, which changes each time', async () => {
    const flow = harness.flow();
    const first = await harness.published('alice', flow, busy);
    // baresip sends the type without a body.
    const second = await harness.published('alice', flow, '', { 'sip-if-match': first });
    expect(availability()).toBe(6500);
    const third = await harness.published('alice', flow, away, { 'sip-if-match': second });
    expect(availability()).toBe(15500);
    expect(new Set([first, second, third]).size).toBe(3);
    await harness.published('alice', flow, undefined, { 'sip-if-match': third, expires: '0' });
    expect(availability()).toBe(18500);
    expect(harness.state.values.size).toBe(0);
  });

  test.each([
    ['an old tag', { 'sip-if-match': 'gone' }, undefined, 412, 'no-publication'],
    ['two tags', { 'sip-if-match': 'a, b' }, undefined, 400, 'malformed'],
    ['no tag and no body', {}, undefined, 400, 'malformed'],
    ['another event', { event: 'dialog' }, busy, 489, 'event-package'],
    ['a malformed event', { event: ';' }, busy, 489, 'event-package'],
    ['too short a time', { expires: '59' }, busy, 423, 'interval-too-brief'],
    ['another type', { 'content-type': 'text/plain' }, busy, 415, 'media-type'],
    ['an encoded body', { 'content-encoding': 'gzip' }, busy, 415, 'media-type'],
    ['bad XML', {}, '<presence', 400, 'presence-document'],
    ['too much', {}, document({ more: `<!--${'x'.repeat(25 * 1024)}-->` }), 413, 'body-too-large'],
  ])('refuses %s', async (_name, headers, body, status, rule) => {
    const response = await harness.publish('alice', harness.flow(), body, headers as Record<string, string>);
    expect([response.status, response.get('x-rule')]).toEqual([status, rule]);
    expect(harness.state.writes).toEqual([]);
  });

  test('says with a refusal what would have been taken', async () => {
    const flow = harness.flow();
    expect((await harness.publish('alice', flow, busy, { expires: '1' })).get('min-expires')).toBe('60');
    expect((await harness.publish('alice', flow, busy, { event: 'x' })).get('allow-events')).toBe('presence');
    const wrongType = await harness.publish('alice', flow, busy, { 'content-type': 'text/xml' });
    expect(wrongType.get('accept')).toBe('application/pidf+xml');
    expect((await harness.publish('alice', flow, '<a>')).reason).toBe(
      'Bad Presence Document: not well-formed XML',
    );
  });

  test('is for the user alone', async () => {
    const flow = harness.flow();
    const request = (uri: string) => {
      const headers: [string, string][] = [
        ['event', 'presence'],
        ['content-type', 'application/pidf+xml'],
      ];
      const from: [string, string][] = [
        ['via', 'SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1'],
        ['from', '<sip:bob@contoso.lab>;tag=1'],
        ['to', `<${uri}>`],
        ['call-id', '1'],
        ['cseq', '1 PUBLISH'],
      ];
      return SipRequest.create('PUBLISH', uri, [...from, ...headers], Buffer.from(busy));
    };
    const status = async (uri: string) =>
      (await harness.send('sip:bob@contoso.lab', flow, request(uri))).status;
    expect(await status(alice)).toBe(403);
    expect(await status('sip:nobody@contoso.lab')).toBe(403);
    expect(await status('sip:alice@elsewhere.lab')).toBe(404);
    expect(await status('sip:bob@CONTOSO.lab;transport=tls')).toBe(200);
  });

  test('fails as a whole when the store is away', async () => {
    harness.state.away = true;
    await expect(harness.publish('alice', harness.flow(), busy)).rejects.toMatchObject({
      name: 'StateUnavailable',
    });
    expect(availability()).toBe(18500);
  });

  test('expires', async () => {
    await harness.published('alice', harness.flow(), busy, { expires: '60' });
    await vi.advanceTimersByTimeAsync(59_000);
    expect(availability()).toBe(6500);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(availability()).toBe(18500);
    expect(harness.state.values.size).toBe(0);
  });

  test('of several endpoints are kept side by side', async () => {
    const [desk, phone] = [harness.flow(), harness.flow()];
    const etag = await harness.published('alice', desk, away);
    await vi.advanceTimersByTimeAsync(10);
    await harness.published('alice', phone, busy);
    expect(availability()).toBe(6500);
    await vi.advanceTimersByTimeAsync(10);
    // A refresh, even with the body again, says nothing new.
    await harness.published('alice', desk, away, { 'sip-if-match': etag });
    expect(availability()).toBe(6500);
  });

  test('beyond the number of endpoints, the one not heard of for longest gives way', async () => {
    const etags: string[] = [];
    for (let i = 0; i < 8; i++) {
      etags.push(await harness.published('alice', harness.flow(), linphoneBusy));
      await vi.advanceTimersByTimeAsync(1000);
    }
    etags[0] = await harness.published('alice', harness.flow(), undefined, {
      'sip-if-match': etags[0] ?? '',
    });
    await harness.published('alice', harness.flow(), linphoneBusy);
    const status = async (i: number) =>
      (await harness.publish('alice', harness.flow(), undefined, { 'sip-if-match': etags[i] ?? '' })).status;
    expect([await status(1), await status(0), await status(2)]).toEqual([412, 200, 200]);
  });
});

describe('endpoints', () => {
  const register = (...bindings: ReturnType<typeof binding>[]) => {
    harness.bindings.set(alice, bindings);
    harness.presence.bindingsChanged(alice);
  };

  test('count as available while they are registered and silent', () => {
    register(binding(harness.flow(), 'sip:a@192.0.2.1'));
    expect(harness.presence.describe(alice)).toEqual({
      availability: 3500,
      activity: 'available',
      watchers: 0,
    });
    register();
    expect(harness.presence.describe(alice)).toEqual({
      availability: 18500,
      activity: 'offline',
      watchers: 0,
    });
    expect(harness.state.values.size).toBe(0);
  });

  test('speak for themselves when they publish', async () => {
    const flow = harness.flow();
    register(binding(flow, 'sip:a@192.0.2.1'));
    await harness.published('alice', flow, baresip('closed'));
    expect(availability()).toBe(18500);
  });

  test('are recognised when they register after they have published', async () => {
    const flow = harness.flow();
    await harness.published('alice', flow, baresip('closed'));
    register(binding(flow, 'sip:a@192.0.2.1'));
    expect(availability()).toBe(18500);
    register();
    expect(harness.state.values.size).toBe(0);
  });

  test("take their publications along when they sign out, and nobody else's", async () => {
    const [desk, phone, unknown] = [harness.flow(), harness.flow(), harness.flow()];
    const [a, b] = [
      binding(desk, 'sip:a@192.0.2.1', 'urn:uuid:a'),
      binding(phone, 'sip:b@192.0.2.1', 'urn:uuid:b'),
    ];
    register(a, b);
    await harness.published('alice', unknown, document({ activities: '<rpid:meeting/>' }));
    await harness.published('alice', desk, away);
    expect(availability()).toBe(15500);
    register(b);
    expect(harness.presence.describe(alice)).toMatchObject({ availability: 6500, activity: 'meeting' });
  });

  test('keep their publications on a new flow with a new contact', async () => {
    const flow = harness.flow();
    register(binding(flow, 'sip:a@192.0.2.1', 'urn:uuid:a'));
    const etag = await harness.published('alice', flow, busy);
    const next = harness.flow();
    register(binding(next, 'sip:a@192.0.2.77', 'urn:uuid:a'));
    expect(availability()).toBe(6500);
    await harness.published('alice', next, undefined, { 'sip-if-match': etag });
  });
});

test('publications outlive the process', async () => {
  const etag = await harness.published('alice', harness.flow(), busy, { expires: '60' });
  harness.restart();
  expect(availability()).toBe(6500);
  await harness.published('alice', harness.flow(), undefined, { 'sip-if-match': etag, expires: '60' });
  harness.restart();
  await vi.advanceTimersByTimeAsync(61_000);
  expect(availability()).toBe(18500);
});

test('a user who may not sign in any more has nothing published', async () => {
  await harness.published('alice', harness.flow(), busy);
  harness.users.set(alice, user(alice, { enabled: false }));
  harness.presence.directoryChanged(['alice@contoso.lab']);
  expect(harness.state.values.size).toBe(0);
});

test('metrics count publications', async () => {
  await harness.published('alice', harness.flow(), busy);
  await harness.published('alice', harness.flow(), away);
  expect(await harness.metrics.metrics()).toContain('linchpin_publications_current 2');
});

describe('a PUBLISH that comes again, since its answer was lost with a Front End', () => {
  const again = async (headers: Record<string, string>, body: string | undefined) => {
    const flow = harness.flow();
    const sent = vi.spyOn(harness, 'send');
    const first = await harness.publish('alice', flow, body, { expires: '300', ...headers });
    const request = sent.mock.calls[0]?.[2] as SipRequest;
    const { length } = harness.state.writes;
    harness.restart();
    await vi.advanceTimersByTimeAsync(2_000);
    const second = await harness.send(alice, flow, request);
    return { first, second, isStoredTwice: harness.state.writes.length > length };
  };
  const saying = (response: SipResponse) => [
    response.status,
    response.get('sip-etag'),
    response.get('expires'),
  ];

  test('is answered like the first time, and does nothing', async () => {
    const { first, second, isStoredTwice } = await again({}, busy);
    expect(saying(second)).toEqual(saying(first));
    expect([isStoredTwice, second.status]).toEqual([false, 200]);
  });

  test('is answered so where its entity tag is used up', async () => {
    const etag = await harness.published('alice', harness.flow(), away);
    const { first, second } = await again({ 'sip-if-match': etag }, undefined);
    expect(saying(second)).toEqual(saying(first));
    expect(second.status).toBe(200);
  });

  test('is answered so where it has removed what was published, as long as something is kept of the user', async () => {
    harness.bindings.set(alice, [binding(harness.flow(), 'sip:a@192.0.2.1')]);
    const etag = await harness.published('alice', harness.flow(), away);
    const { second, isStoredTwice } = await again({ 'sip-if-match': etag, expires: '0' }, undefined);
    expect([second.status, second.get('expires'), isStoredTwice]).toEqual([200, '0', false]);
    expect(second.get('sip-etag')).toMatch(/^[0-9a-f]+$/);
    const other = await harness.publish('alice', harness.flow(), undefined, {
      'sip-if-match': etag,
      expires: '0',
    });
    expect(other.status).toBe(412);
  });

  test('is another one with another branch', async () => {
    const etag = await harness.published('alice', harness.flow(), away);
    await harness.published('alice', harness.flow(), busy, { 'sip-if-match': etag });
    const other = await harness.publish('alice', harness.flow(), busy, { 'sip-if-match': etag });
    expect(other.status).toBe(412);
  });
});
