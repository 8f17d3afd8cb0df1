import { SipError } from '../message/error.ts';
import { NameAddr } from '../message/name-addr.ts';
import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import { asRequestUri } from './request-uri.ts';

/** One side's state of a dialog (RFC 3261 12), plain JSON so that it can live in a store. */
export interface DialogState {
  callId: string;
  localTag: string;
  /** Empty when the peer set none, which RFC 2543 allowed. */
  remoteTag: string;
  localUri: string;
  remoteUri: string;
  /** The peer's Contact: Request-URI of what is sent to it. */
  remoteTarget: string;
  /** Route values in the order in which they are visited, with their parameters. */
  routeSet: string[];
  /** CSeq number of the last request sent; 0 before the first. */
  localSeq: number;
  /** CSeq number of the last request accepted; -1 before the first. */
  remoteSeq: number;
}

/** RFC 3261 12.1.1. Takes the response that is sent, or the tag that goes into its To. Throws SipError 400 without a Contact. */
export function uasDialog(request: SipRequest, response: SipResponse | string): DialogState {
  return {
    callId: request.callId,
    localTag: typeof response === 'string' ? response : (response.to.tag ?? ''),
    remoteTag: request.from.tag ?? '',
    localUri: request.to.uri,
    remoteUri: request.from.uri,
    remoteTarget: contactOf(request),
    routeSet: request.values('record-route'),
    localSeq: 0,
    remoteSeq: request.cseq.seq,
  };
}

/** RFC 3261 12.1.2. Throws SipError 400 when the response has no Contact. */
export function uacDialog(request: SipRequest, response: SipResponse): DialogState {
  return {
    callId: request.callId,
    localTag: request.from.tag ?? '',
    remoteTag: response.to.tag ?? '',
    localUri: request.from.uri,
    remoteUri: request.to.uri,
    remoteTarget: contactOf(response),
    routeSet: response.values('record-route').reverse(),
    localSeq: request.cseq.seq,
    remoteSeq: -1,
  };
}

/**
 * RFC 3261 12.2.1.1: the next request to the peer, without Via. Counts `localSeq` up in the dialog, except for ACK, which
 * takes the number as it stands. Throws SipError 400 when the peer's Record-Route cannot be read.
 */
export function requestInDialog(
  dialog: DialogState,
  method: string,
  headers: [string, string][] = [],
  body?: Uint8Array,
): SipRequest {
  const { uri, routes } = routeOf(dialog);
  if (method !== 'ACK') dialog.localSeq += 1;
  const identity: [string, string][] = [
    ['max-forwards', '70'],
    ['from', tagged(dialog.localUri, dialog.localTag)],
    ['to', tagged(dialog.remoteUri, dialog.remoteTag)],
    ['call-id', dialog.callId],
    ['cseq', `${dialog.localSeq} ${method}`],
  ];
  const route = routes.map((value): [string, string] => ['route', value]);
  return SipRequest.create(method, uri, [...route, ...identity, ...headers], body);
}

/**
 * RFC 3261 12.2.2: takes over CSeq and, from a target refresh, the Contact. `out-of-order` is to be answered with 500.
 * Throws SipError 400 for a malformed Contact. In both cases the dialog is as it was.
 */
export function acceptInDialog(dialog: DialogState, request: SipRequest): 'ok' | 'out-of-order' {
  // The ACK has the number of its INVITE, which requests within the dialog may have overtaken.
  if (request.method === 'ACK') return 'ok';
  const { seq } = request.cseq;
  if (seq < dialog.remoteSeq) return 'out-of-order';
  const target = refreshedTarget(request, request.method);
  dialog.remoteSeq = seq;
  dialog.remoteTarget = target ?? dialog.remoteTarget;
  return 'ok';
}

/** RFC 3261 12.2.1.2: the Contact in a 2xx of a target refresh that this side sent replaces the peer's. */
export function acceptResponse(dialog: DialogState, response: SipResponse): void {
  if (response.status < 200 || response.status > 299) return;
  dialog.remoteTarget = refreshedTarget(response, response.cseq.method) ?? dialog.remoteTarget;
}

/** The dialog ID (RFC 3261 12) as one string, the same for the dialog and for the requests that arrive in it. */
export function dialogKey(dialog: Pick<DialogState, 'callId' | 'localTag' | 'remoteTag'>): string {
  return `${dialog.callId};${dialog.localTag};${dialog.remoteTag}`;
}

/** Undefined for a request outside of any dialog. */
export function dialogKeyOf(request: SipRequest): string | undefined {
  const localTag = request.to.tag;
  if (localTag === undefined) return undefined;
  return dialogKey({ callId: request.callId, localTag, remoteTag: request.from.tag ?? '' });
}

/** RFC 3261 12.2, RFC 3311 5.1, RFC 6665 B.12, RFC 3515 (by RFC 5057 5.4). */
const targetRefreshes = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER']);

function refreshedTarget(message: SipRequest | SipResponse, method: string): string | undefined {
  return targetRefreshes.has(method) && message.has('contact') ? contactOf(message) : undefined;
}

function contactOf(message: SipRequest | SipResponse): string {
  const contact = message.contacts[0];
  if (!contact) throw new SipError(400, 'Missing Contact');
  // The star is for REGISTER alone (RFC 3261 20.10).
  if (contact.uri === '*') throw new SipError(400, 'Malformed contact');
  return contact.uri;
}

function routeOf({ routeSet, remoteTarget }: DialogState): { uri: string; routes: string[] } {
  const [first, ...rest] = routeSet;
  if (first === undefined) return { uri: remoteTarget, routes: [] };
  const hop = NameAddr.parse(first, 'route');
  if (hop.parsedUri.params.has('lr')) return { uri: remoteTarget, routes: routeSet };
  // A strict router takes its own URI from the request line and finds the target at the end of Route.
  return { uri: asRequestUri(hop.uri), routes: [...rest, `<${remoteTarget}>`] };
}

function tagged(uri: string, tag: string): string {
  return tag === '' ? `<${uri}>` : `<${uri}>;tag=${tag}`;
}
