import { describe, expect, it } from 'vitest';
import { parseEvent } from './event-header.ts';
import {
  createSubscription,
  type Subscription,
  type SubscriptionInput,
  stepSubscription,
  type TerminationReason,
} from './subscription.ts';

const now = 1_000_000;
const event = parseEvent('presence;id=7');
const create = (expires: number, authorized = true) =>
  createSubscription({ event, expires, authorized, now });
const [active] = create(600);
const [pending] = create(600, false);
const live = [active, pending];

describe('RFC 6665 4.2.1: a new subscription', () => {
  it('is active when authorized, and notifies at once (4.2.1.2)', () => {
    expect(create(600)).toEqual([
      { state: 'active', event: 'presence', eventId: '7', expiresAt: now + 600_000 },
      ['notify'],
    ]);
  });

  it('is pending without authorization, and notifies at once as well (4.2.1.3)', () => {
    const [subscription, actions] = create(600, false);
    expect(subscription.state).toBe('pending');
    expect(actions).toEqual(['notify']);
  });

  it('ends with its first NOTIFY when it is a fetch (4.4.3)', () => {
    const [subscription, actions] = create(0);
    expect(subscription).toMatchObject({ state: 'terminated', reason: 'timeout' });
    expect(actions).toEqual(['notify', 'remove']);
  });

  it('survives being stored as JSON', () => {
    expect(JSON.parse(JSON.stringify(active))).toEqual(active);
  });
});

describe('RFC 6665 4.2.1.4: a refresh', () => {
  it.each(live)('of a $state subscription moves its end and notifies', (subscription) => {
    const [after, actions] = stepSubscription(subscription, {
      type: 'refresh',
      expires: 300,
      now: now + 1000,
    });
    expect(after).toEqual({ ...subscription, expiresAt: now + 301_000 });
    expect(actions).toEqual(['notify']);
  });

  it.each(live)('of a $state subscription with Expires 0 ends it with reason timeout', (subscription) => {
    const [after, actions] = stepSubscription(subscription, { type: 'refresh', expires: 0, now });
    expect(after).toMatchObject({ state: 'terminated', reason: 'timeout' });
    expect(actions).toEqual(['notify', 'remove']);
  });
});

describe('RFC 6665 4.2.1.4: expiry', () => {
  it.each(live)('of a $state subscription tells the subscriber', (subscription) => {
    const [after, actions] = stepSubscription(subscription, { type: 'expiry', now: now + 600_000 });
    expect(after).toMatchObject({ state: 'terminated', reason: 'timeout' });
    expect(actions).toEqual(['notify', 'remove']);
  });

  it('does nothing when the subscription was refreshed before the timer fired', () => {
    expect(stepSubscription(active, { type: 'expiry', now: now + 599_999 })).toEqual([active, []]);
  });
});

describe('RFC 6665 4.2.2: authorization and changes', () => {
  it('makes a pending subscription active and notifies', () => {
    expect(stepSubscription(pending, { type: 'approve' })).toEqual([
      { ...pending, state: 'active' },
      ['notify'],
    ]);
  });

  it('does nothing to one that is active already', () => {
    expect(stepSubscription(active, { type: 'approve' })).toEqual([active, []]);
  });

  it('tells changes to active subscribers only (6.2)', () => {
    expect(stepSubscription(active, { type: 'change' })).toEqual([active, ['notify']]);
    expect(stepSubscription(pending, { type: 'change' })).toEqual([pending, []]);
  });

  const reasons: TerminationReason[] = [
    'deactivated',
    'probation',
    'rejected',
    'timeout',
    'giveup',
    'noresource',
    'invariant',
  ];
  it.each(reasons)('ends for the reason %s (4.1.3)', (reason) => {
    for (const subscription of live) {
      const [after, actions] = stepSubscription(subscription, { type: 'terminate', reason, retryAfter: 30 });
      expect(after).toEqual({ ...subscription, state: 'terminated', reason, retryAfter: 30 });
      expect(actions).toEqual(['notify', 'remove']);
    }
  });
});

describe('RFC 6665 4.2.2: a NOTIFY that fails', () => {
  const failed = (failure: number | 'timeout' | 'transport'): SubscriptionInput => ({
    type: 'notify-failed',
    failure,
  });

  it.each([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604, 'timeout'] as const)(
    'by %s removes the subscription without a further NOTIFY',
    (failure) => {
      const [after, actions] = stepSubscription(active, failed(failure));
      expect(after.state).toBe('terminated');
      expect(actions).toEqual(['remove']);
    },
  );

  it.each([400, 401, 407, 408, 486, 500, 503, 600, 'transport'] as const)('by %s keeps it', (failure) => {
    expect(stepSubscription(active, failed(failure))).toEqual([active, []]);
  });
});

describe('RFC 6665 4.4.1: a terminated subscription', () => {
  const ended: Subscription = { ...active, state: 'terminated', reason: 'rejected' };
  const inputs: SubscriptionInput[] = [
    { type: 'refresh', expires: 600, now },
    { type: 'approve' },
    { type: 'change' },
    { type: 'terminate', reason: 'deactivated' },
    { type: 'expiry', now: now + 900_000 },
    { type: 'notify-failed', failure: 481 },
  ];
  it.each(inputs)('stays so at $type', (input) => {
    expect(stepSubscription(ended, input)).toEqual([ended, []]);
  });
});
