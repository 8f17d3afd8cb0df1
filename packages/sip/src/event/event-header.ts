import { SipError } from '../message/sip-error.ts';
import type { Subscription } from './subscription.ts';

/** The Event header field (RFC 6665 8.2.1). */
export interface EventHeader {
  package: string;
  id?: string;
  params: Map<string, string | undefined>;
}

const syntax = /^([A-Za-z0-9\-!%*_+`'~]+(?:\.[A-Za-z0-9\-!%*_+`'~]+)*)\s*(;.*)?$/;

/** Throws SipError 489 when the value is missing or not one event type: no package is meant by it. */
export function parseEvent(value: string | undefined): EventHeader {
  const match = syntax.exec(value?.trim() ?? '');
  if (!match) throw new SipError(489, 'Bad Event');
  const params = parseParams(match[2] ?? '');
  const id = params.get('id');
  return { package: match[1] as string, ...(id === undefined ? {} : { id }), params };
}

/** Byte by byte over package and id; an id never matches its absence, and no other parameter counts (RFC 6665 8.2.1). */
export function sameEvent(one: Pick<EventHeader, 'package' | 'id'>, other: Pick<EventHeader, 'package' | 'id'>): boolean {
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

function parseParams(text: string): Map<string, string | undefined> {
  const params = new Map<string, string | undefined>();
  for (const part of text.split(';').slice(1)) {
    const [name, ...value] = part.split('=');
    params.set((name as string).trim().toLowerCase(), value.length === 0 ? undefined : value.join('=').trim());
  }
  return params;
}
