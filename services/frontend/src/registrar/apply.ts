import { SipUri } from '@linchpin/sip';
import { Refused } from '../refused.ts';
import type { Binding } from './binding.ts';
import type { Registration, WantedContact } from './registration.ts';

/** Where and when a REGISTER came in. */
export type Arrival = Pick<
  Binding,
  'callId' | 'cseq' | 'flowId' | 'transport' | 'received' | 'sentBy' | 'userAgent'
> & { now: number };

export interface Outcome {
  bindings: Binding[];
  added: Binding[];
  removed: Binding[];
}

/** RFC 3261 10.3 steps 6 and 7: all of it or nothing. Throws Refused for a request that is older than what it changes. */
export function applyRegistration(
  current: readonly Binding[],
  wanted: Registration,
  arrival: Arrival,
): Outcome {
  if (wanted.removeAll) return removeAll(current, arrival);
  let bindings = [...current];
  const added: Binding[] = [];
  const removed: Binding[] = [];
  for (const contact of wanted.contacts) {
    const known = bindings.find((binding) => isSame(binding, contact));
    if (known && !isRepeated(known, contact, arrival)) assertNewer(known, arrival);
    if (contact.expires === 0) {
      bindings = bindings.filter((binding) => binding !== known);
      if (known) removed.push(known);
      continue;
    }
    const binding = bindingOf(contact, wanted.path, arrival);
    if (known) bindings = bindings.map((other) => (other === known ? binding : other));
    else bindings.push(binding);
    if (!known) added.push(binding);
  }
  return { bindings, added, removed };
}

function removeAll(current: readonly Binding[], arrival: Arrival): Outcome {
  for (const binding of current) assertNewer(binding, arrival);
  return { bindings: [], added: [], removed: [...current] };
}

// Each by its name: to spread objects costs more than all the rest of a refresh here.
function bindingOf(wanted: WantedContact, path: string[], arrival: Arrival): Binding {
  const { contact, params, instance, regId, q, expires } = wanted;
  const { callId, cseq, flowId, transport, received, sentBy, userAgent, now } = arrival;
  const expiresAt = now + expires * 1000;
  return {
    contact,
    params,
    instance,
    regId,
    callId,
    cseq,
    flowId,
    transport,
    received,
    sentBy,
    expiresAt,
    userAgent,
    path,
    q,
  };
}

/** RFC 5626 6 with reg-id, else URI comparison of RFC 3261 19.1.4. */
function isSame(binding: Binding, wanted: WantedContact): boolean {
  if (wanted.regId !== undefined)
    return binding.instance === wanted.instance && binding.regId === wanted.regId;
  return binding.contact === wanted.contact || sameUri(binding.contact, wanted.contact);
}

function sameUri(one: string, other: string): boolean {
  try {
    return SipUri.parse(one).equals(SipUri.parse(other));
  } catch {
    // Contacts of other schemes are the same when they are written the same.
    return false;
  }
}

/**
 * Whether this very request has made the binding: the Front End that had it died before it answered, and the client asks once more,
 * from where it was. RFC 3261 10.3 lets it fail, but it came before no other.
 */
function isRepeated(binding: Binding, { expires }: WantedContact, arrival: Arrival): boolean {
  const { callId, cseq, received } = arrival;
  return expires > 0 && binding.callId === callId && binding.cseq === cseq && binding.received === received;
}

function assertNewer(binding: Binding, { callId, cseq }: Arrival): void {
  if (binding.callId === callId && cseq <= binding.cseq)
    throw new Refused(400, 'CSeq is not higher than before', 'out-of-order');
}
