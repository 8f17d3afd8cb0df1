import { describe, expect, it } from 'vitest';
import { eventValue, parseEvent, sameEvent, subscriptionStateValue } from './event-header.ts';
import type { Subscription } from './subscription.ts';

const now = 1_000_000;
const active: Subscription = { state: 'active', event: 'presence', expiresAt: now + 600_000 };

describe('RFC 6665 8.2.1: the Event header field', () => {
  it('has a package with templates, an id and other parameters', () => {
    const event = parseEvent('presence.winfo;id=1234 ; x="a b"');
    expect(event.package).toBe('presence.winfo');
    expect(event.id).toBe('1234');
    expect(event.params.get('x')).toBe('a b');
  });

  it.each([undefined, '', ';id=1'])('is a bad event when it is %j', (value) => {
    expect(() => parseEvent(value)).toThrow(expect.objectContaining({ status: 489 }));
  });

  it.each(['presence, dialog', 'presence;id=', 'presence;id=1;id=2'])(
    'is malformed when it is %j',
    (value) => {
      expect(() => parseEvent(value)).toThrow(expect.objectContaining({ status: 400 }));
    },
  );

  it.each([
    ['foo; param=abcd; id=1234', true],
    ['foo', false],
    ['Foo; id=1234', false],
    ['foo;id=12345', false],
  ])('matches foo;id=1234 with %s: %s', (value, same) => {
    expect(sameEvent(parseEvent('foo; id=1234'), parseEvent(value))).toBe(same);
  });

  it('is written back with its id', () => {
    expect(eventValue({ event: 'foo', eventId: '1234' })).toBe('foo;id=1234');
    expect(eventValue({ event: 'foo' })).toBe('foo');
  });
});

describe('RFC 6665 4.2.2: the Subscription-State header field', () => {
  it('has the time that is left', () => {
    expect(subscriptionStateValue(active, now + 500)).toBe('active;expires=600');
    expect(subscriptionStateValue({ ...active, state: 'pending' }, now + 60_000)).toBe('pending;expires=540');
    expect(subscriptionStateValue(active, now + 700_000)).toBe('active;expires=0');
  });

  it('has reason and retry-after, but no expires, when terminated', () => {
    const ended: Subscription = { ...active, state: 'terminated', reason: 'probation', retryAfter: 30 };
    expect(subscriptionStateValue(ended, now)).toBe('terminated;reason=probation;retry-after=30');
  });

  it.each(['deactivated', 'rejected', 'timeout', 'noresource'] as const)(
    'has no retry-after where it means nothing: %s (4.1.3)',
    (reason) => {
      const ended: Subscription = { ...active, state: 'terminated', reason, retryAfter: 30 };
      expect(subscriptionStateValue(ended, now)).toBe(`terminated;reason=${reason}`);
    },
  );
});
