import { hash } from 'node:crypto';
import { createRouteTokens, type Flow, type SipUri } from '@linchpin/sip';
import type { Hop } from '../signaling/served-call.ts';
import { uriTransport } from '../uri-transport.ts';

export interface Hops {
  /** A Record-Route value that leads the requests of one dialog over this flow. */
  write(hop: Hop, flow: Flow, callId: string): string;
  /** The token in a URI of ours, undefined in another. Whose dialog it belongs to is for `read` to check. */
  tokenIn(uri: SipUri): string | undefined;
  /** Undefined when the token is of another dialog. */
  read(token: string, callId: string): Hop | undefined;
}

const mark = (text: string): string => hash('sha256', text, 'base64url').slice(0, 11);
export const deviceMark = (instance: string | undefined): string =>
  instance === undefined ? '' : mark(instance);

/** `key` outlives the process: dialogs over UDP do as well. */
export function createHops(key: Uint8Array): Hops {
  const tokens = createRouteTokens(key);
  return {
    // With the Call-ID in it nobody can take the route of one call for another.
    write({ flowId, aor, device }, flow, callId) {
      const token = tokens.make([flowId, aor, mark(callId), device].join(' '));
      return `<sip:${token}@${flow.sentBy};transport=${uriTransport(flow.transport)};lr>`;
    },
    tokenIn: (uri) => (uri.user !== undefined && tokens.check(uri.user) !== undefined ? uri.user : undefined),
    read(token, callId) {
      const [flowId, aor, call, device = ''] = tokens.check(token)?.split(' ') ?? [];
      return flowId !== undefined && aor !== undefined && call === mark(callId)
        ? { flowId, aor, device }
        : undefined;
    },
  };
}
