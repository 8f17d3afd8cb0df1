import { asRequestUri } from '../dialog/request-uri.ts';
import type { SipRequest } from '../message/request.ts';

/** What differs from branch to branch. */
export interface Outgoing {
  uri: string;
  /** Topmost first. */
  recordRoutes: readonly string[];
  /** Visited before the Route values in the request. */
  route: readonly string[];
  /** How many branches the next hops may have at a time (RFC 5393 5.3.3). */
  maxBreadth: number;
}

/** RFC 3261 16.6 steps 1 to 6: the copy that goes to one target, still without Via. */
export function outgoingRequest(request: SipRequest, outgoing: Outgoing): SipRequest {
  const copy = request.clone();
  copy.uri = asRequestUri(outgoing.uri);
  copy.set('max-forwards', String((request.maxForwards ?? 71) - 1));
  copy.set('max-breadth', String(outgoing.maxBreadth));
  prependAll(copy, 'record-route', outgoing.recordRoutes);
  prependAll(copy, 'route', outgoing.route);
  if (copy.has('route')) fitStrictRouter(copy);
  return copy;
}

function prependAll(copy: SipRequest, name: string, values: readonly string[]): void {
  for (let i = values.length - 1; i >= 0; i--) copy.prepend(name, values[i] as string);
}

/** RFC 3261 16.6 step 6: a next hop without lr wants its own URI in the request line, and the target at the end of Route. */
function fitStrictRouter(copy: SipRequest): void {
  const hop = copy.routes[0];
  if (!hop || hop.parsedUri.params.has('lr')) return;
  copy.append('route', `<${copy.uri}>`);
  copy.dropFirst('route');
  copy.uri = asRequestUri(hop.uri);
}
