import { type NameAddr, SipError, type SipRequest } from '@linchpin/sip';
import type { RegistrarConfigurationSpec } from '@linchpin/topology';
import { Refused } from '../refused.ts';

/** One Contact of a REGISTER. */
export interface WantedContact {
  contact: string;
  params: string;
  instance: string | undefined;
  /** Only where outbound processing applies. */
  regId: number | undefined;
  q: number;
  /** Seconds, 0 removes. */
  expires: number;
}

/** What a REGISTER asks for (RFC 3261 10.3, RFC 5626 6, RFC 3327 5.3). */
export interface Registration {
  /** `Contact: *` with `Expires: 0`. */
  removeAll: boolean;
  contacts: WantedContact[];
  path: string[];
  /** Outbound processing was asked for and applies. */
  outbound: boolean;
}

type Limits = Pick<RegistrarConfigurationSpec, 'minExpires' | 'defaultExpires' | 'maxExpires'>;

const hasTag = (request: SipRequest, header: string, tag: string): boolean =>
  request.has(header) && request.values(header).some((value) => value.toLowerCase() === tag);

/** Throws Refused, or SipError 400 for what cannot be read. */
export function readRegistration(request: SipRequest, limits: Limits): Registration {
  const path = request.has('path') ? readPath(request) : [];
  const contacts = request.has('contact') ? request.contacts : [];
  if (contacts.some(({ uri }) => uri === '*')) return readRemoveAll(request, contacts, path);
  const outbound = outboundApplies(request, contacts, path);
  const wanted = contacts.map((contact) => readContact(contact, request, limits, outbound));
  const added = wanted.filter(({ expires }) => expires > 0);
  if (added.length > 1 && added.some(({ regId }) => regId !== undefined))
    throw new SipError(400, 'More than one Contact with reg-id');
  return {
    removeAll: false,
    contacts: wanted,
    path,
    outbound: wanted.some(({ regId }) => regId !== undefined),
  };
}

function readRemoveAll(request: SipRequest, contacts: NameAddr[], path: string[]): Registration {
  if (contacts.length > 1 || request.expires !== 0) throw new SipError(400, 'Contact * needs Expires 0');
  return { removeAll: true, contacts: [], path, outbound: false };
}

function readPath(request: SipRequest): string[] {
  // RFC 3327 5.3 recommends it: a proxy that the client does not know of has put itself in the way.
  if (!hasTag(request, 'supported', 'path') && !hasTag(request, 'require', 'path'))
    throw new Refused(420, 'Bad Extension', 'path-without-support', [['Unsupported', 'path']]);
  return request.values('path');
}

/** RFC 5626 6. */
function outboundApplies(request: SipRequest, contacts: NameAddr[], path: string[]): boolean {
  if (!contacts.some(({ params }) => params.has('reg-id'))) return false;
  const supported = hasTag(request, 'supported', 'outbound');
  const firstHop = request.vias.length === 1 || path[0]?.includes(';ob') === true;
  if (!firstHop && supported)
    throw new Refused(439, 'First Hop Lacks Outbound Support', 'no-outbound-at-first-hop');
  return firstHop && supported;
}

function readContact(
  { uri, params }: NameAddr,
  request: SipRequest,
  limits: Limits,
  outbound: boolean,
): WantedContact {
  const instance = params.get('+sip.instance')?.replace(/^<|>$/g, '');
  const regId =
    outbound && instance !== undefined ? readNumber(params.get('reg-id'), 2 ** 31 - 1) : undefined;
  const q = readQ(params.get('q'));
  const expires = granted(readNumber(params.get('expires'), 2 ** 32 - 1) ?? request.expires, limits);
  params.delete('expires');
  return { contact: uri, params: params.toString(), instance, regId, q, expires };
}

/** RFC 3261 20.10: what is malformed counts as if it was not there. */
function readNumber(text: string | undefined, max: number): number | undefined {
  const number = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return number <= max ? number : undefined;
}

function readQ(text: string | undefined): number {
  const q = text === undefined ? 1 : Number(text);
  return q >= 0 && q <= 1 ? q : 1;
}

/** RFC 3261 10.3 step 7: too short is refused, too long is shortened. */
function granted(wanted: number | undefined, { minExpires, defaultExpires, maxExpires }: Limits): number {
  const seconds = wanted ?? defaultExpires;
  if (seconds > 0 && seconds < minExpires)
    throw new Refused(423, 'Interval Too Brief', 'interval-too-brief', [['Min-Expires', String(minExpires)]]);
  return Math.min(seconds, maxExpires);
}
