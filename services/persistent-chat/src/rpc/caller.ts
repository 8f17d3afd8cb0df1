// In whose name a call is made.
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { type AuthenticatedCall, callerRole } from '@linchpin/host';
import { ADMINISTRATOR } from '@linchpin/proto/on-behalf-of';
import { type Caller, ChatError } from '../chat.ts';

/** As much of a call as says who makes it. */
export type AnyCall = AuthenticatedCall & Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPath'>;

const MAX_NAME = 128;

/**
 * The administrator whose certificate it is, or for whom CMS passes the call on; the role of the certificate where it has no
 * name. Without control characters: it is kept in events.
 */
export function administrator(call: Pick<AnyCall, 'getAuthContext' | 'metadata'>): string {
  const passedOn = callerRole(call) === 'cms' ? call.metadata.get(ADMINISTRATOR)[0] : undefined;
  const name = (passedOn?.toString() ?? commonName(call) ?? '').replace(/\p{Cc}/gu, ' ').trim();
  return name.slice(0, MAX_NAME) || (callerRole(call) ?? 'unnamed');
}

/** Front Ends speak for users only, whom they have authenticated. */
export function callerOf(call: AnyCall, caller: { user: string } | undefined): Caller {
  const user = caller?.user ?? '';
  if (user !== '') return { name: user };
  if (callerRole(call) === 'frontend')
    throw new ChatError('forbidden', 'caller: a Front End has to say for which user it asks');
  return { name: administrator(call), admin: true };
}

function commonName(call: AuthenticatedCall): string | undefined {
  const name = call.getAuthContext().sslPeerCertificate?.subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}
