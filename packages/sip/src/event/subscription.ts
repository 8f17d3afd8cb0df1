import type { EventHeader } from './event-header.ts';

/** RFC 6665 4.1.3. */
export type TerminationReason =
  | 'deactivated'
  | 'probation'
  | 'rejected'
  | 'timeout'
  | 'giveup'
  | 'noresource'
  | 'invariant';

/** The notifier's side of one subscription (RFC 6665 4.2.2), plain JSON. */
export interface Subscription {
  state: 'pending' | 'active' | 'terminated';
  event: string;
  eventId?: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
  /** Only when terminated. */
  reason?: TerminationReason;
  /** Seconds, only when terminated. */
  retryAfter?: number;
}

export type SubscriptionInput =
  /** SUBSCRIBE in the dialog; `expires` is the granted seconds, 0 ends the subscription. */
  | { type: 'refresh'; expires: number; now: number }
  | { type: 'approve' }
  /** The notifier ends it: policy, move to another server, shutdown. */
  | { type: 'terminate'; reason: TerminationReason; retryAfter?: number }
  /** A timer of the owner fired; does nothing when the subscription was refreshed meanwhile. */
  | { type: 'expiry'; now: number }
  /** What was subscribed to has a new state. */
  | { type: 'change' }
  | { type: 'notify-failed'; failure: number | 'timeout' | 'transport' };

/**
 * notify: send NOTIFY with the state and the Subscription-State of the new record, at once (RFC 6665 4.2.1.2).
 * remove: forget the record and, when it is alone there, the dialog, after that NOTIFY (4.4.1).
 */
export type SubscriptionAction = 'notify' | 'remove';

export type SubscriptionStep = [Subscription, SubscriptionAction[]];

export interface NewSubscription {
  event: EventHeader;
  /** Granted seconds; 0 is a fetch: one NOTIFY and nothing is kept (RFC 6665 4.4.3). */
  expires: number;
  /** False while the owner of the state has not said yes or no. */
  authorized: boolean;
  now: number;
}

export function createSubscription(request: NewSubscription): SubscriptionStep {
  const subscription: Subscription = {
    state: request.authorized ? 'active' : 'pending',
    event: request.event.package,
    ...(request.event.id === undefined ? {} : { eventId: request.event.id }),
    expiresAt: request.now + request.expires * 1000,
  };
  return request.expires === 0 ? terminate(subscription, 'timeout') : [subscription, ['notify']];
}

export function stepSubscription(subscription: Subscription, input: SubscriptionInput): SubscriptionStep {
  switch (subscription.state) {
    case 'pending':
      return pending(subscription, input);
    case 'active':
      return active(subscription, input);
    case 'terminated':
      return [subscription, []];
  }
}

function pending(subscription: Subscription, input: SubscriptionInput): SubscriptionStep {
  switch (input.type) {
    case 'approve':
      return [{ ...subscription, state: 'active' }, ['notify']];
    case 'change':
      // The watcher may not see the state yet, nor notice from a NOTIFY that it changed (RFC 6665 6.2).
      return [subscription, []];
    default:
      return live(subscription, input);
  }
}

function active(subscription: Subscription, input: SubscriptionInput): SubscriptionStep {
  switch (input.type) {
    case 'approve':
      return [subscription, []];
    case 'change':
      return [subscription, ['notify']];
    default:
      return live(subscription, input);
  }
}

type LiveInput = Exclude<SubscriptionInput, { type: 'approve' | 'change' }>;

/** What is the same in pending and active. */
function live(subscription: Subscription, input: LiveInput): SubscriptionStep {
  switch (input.type) {
    case 'refresh':
      if (input.expires === 0) return terminate(subscription, 'timeout');
      return [{ ...subscription, expiresAt: input.now + input.expires * 1000 }, ['notify']];
    case 'terminate':
      return terminate(subscription, input.reason, input.retryAfter);
    case 'expiry':
      return input.now < subscription.expiresAt ? [subscription, []] : terminate(subscription, 'timeout');
    case 'notify-failed':
      if (!endsSubscription(input.failure)) return [subscription, []];
      return [{ ...subscription, state: 'terminated' }, ['remove']];
  }
}

function terminate(
  subscription: Subscription,
  reason: TerminationReason,
  retryAfter?: number,
): SubscriptionStep {
  const ended: Subscription = { ...subscription, state: 'terminated', reason };
  if (retryAfter !== undefined) ended.retryAfter = retryAfter;
  return [ended, ['notify', 'remove']];
}

const endingStatuses = new Set([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]);

/** RFC 6665 4.2.2: whether this outcome of a NOTIFY removes its subscription. Transport trouble may pass, so it does not. */
function endsSubscription(failure: number | 'timeout' | 'transport'): boolean {
  return failure === 'timeout' || (typeof failure === 'number' && endingStatuses.has(failure));
}
