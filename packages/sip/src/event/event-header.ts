import { tokenEnd } from '../message/characters.ts';
import { SipError } from '../message/error.ts';
import { type Params, parseParams } from '../message/params.ts';
import type { Subscription } from './subscription.ts';

/** The Event header field (RFC 6665 8.2.1). */
export interface EventHeader {
  package: string;
  id?: string;
  params: Params;
}

/** Throws SipError 489 when no event package can be read, 400 when its parameters are malformed. */
export function parseEvent(value: string | undefined): EventHeader {
  const text = value ?? '';
  const end = tokenEnd(text, 0);
  if (end === 0) throw new SipError(489, 'Bad Event');
  const params = parseParams(text, end, 'Event');
  const id = params.get('id');
  return { package: text.slice(0, end), ...(id === undefined ? {} : { id }), params };
}

/** Byte by byte over package and id; an id never matches its absence, and no other parameter counts (RFC 6665 8.2.1). */
export function sameEvent(
  one: Pick<EventHeader, 'package' | 'id'>,
  other: Pick<EventHeader, 'package' | 'id'>,
): boolean {
  return one.package === other.package && one.id === other.id;
}

/** The Event value of a NOTIFY for this subscription. */
export function eventValue(subscription: Pick<Subscription, 'event' | 'eventId'>): string {
  const { event, eventId } = subscription;
  return eventId === undefined ? event : `${event};id=${eventId}`;
}

/** The Subscription-State value of a NOTIFY sent now (RFC 6665 4.2.2). */
export function subscriptionStateValue(subscription: Subscription, now: number): string {
  if (subscription.state === 'terminated') return terminatedValue(subscription);
  // Rounded up: a subscription that still lives never claims to have no time left.
  const left = Math.max(0, Math.ceil((subscription.expiresAt - now) / 1000));
  return `${subscription.state};expires=${left}`;
}

/** Reasons for which retry-after says something (RFC 6665 4.1.3). */
const retryable = new Set(['probation', 'giveup', 'invariant']);

function terminatedValue({ reason, retryAfter }: Subscription): string {
  if (reason === undefined) return 'terminated';
  const retry = retryAfter !== undefined && retryable.has(reason) ? `;retry-after=${retryAfter}` : '';
  return `terminated;reason=${reason}${retry}`;
}
