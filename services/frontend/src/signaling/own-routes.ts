import type { Prepared, SipProxy, SipRequest } from '@linchpin/sip';

/**
 * RFC 3261 16.4. One address of ours may stand before the way of a dialog: clients with an outbound proxy put it there.
 * Throws SipError where Route cannot be read.
 */
export function takeOwnRoutes(proxy: Pick<SipProxy, 'prepare'>, received: SipRequest): Prepared {
  const first = proxy.prepare(received);
  if (first.tokens[0] !== '') return first;
  const { request, tokens } = proxy.prepare(first.request);
  return { request, tokens: [...first.tokens, ...tokens] };
}
