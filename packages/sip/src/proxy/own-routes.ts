import { NameAddr } from '../message/name-addr.ts';
import type { SipRequest } from '../message/request.ts';
import { SipUri } from '../message/uri.ts';
import type { Prepared, ProxyOptions } from './target.ts';

type RouteHere = ProxyOptions['routeHere'];

/** RFC 3261 16.4. Does not alter what it is given; throws SipError 400 when a Route cannot be read. */
export function takeOwnRoutes(received: SipRequest, routeHere: RouteHere): Prepared {
  if (!received.has('route') && !hasMaddr(received)) return { request: received, tokens: [] };
  const request = received.clone();
  const tokens = [...undoStrictRouting(request, routeHere)];
  dropOwnMaddr(request, routeHere);
  // A pair when the ways in and out differed. A third would be of another pass through this proxy (RFC 5658 5).
  while (tokens.length < 2) {
    const token = tokenOf(request.routes[0]?.uri, routeHere);
    if (token === undefined) break;
    tokens.push(token);
    request.dropFirst('route');
  }
  return { request, tokens };
}

/** A strict router moved our Record-Route URI into the request line and the Request-URI to the end of Route. */
function undoStrictRouting(request: SipRequest, routeHere: RouteHere): string[] {
  // Without lr it is no Record-Route value of ours but one of our addresses, as in REGISTER by way of an outbound proxy.
  if (!/;lr(?:[;=]|$)/i.test(request.uri)) return [];
  const token = tokenOf(request.uri, routeHere);
  const routes = request.values('route');
  const last = routes.pop();
  if (token === undefined || last === undefined) return [];
  request.uri = NameAddr.parse(last, 'route').uri;
  if (routes.length > 0) request.set('route', routes.join(', '));
  else request.delete('route');
  return [token];
}

function hasMaddr(request: SipRequest): boolean {
  return /;maddr=/i.test(request.uri);
}

function dropOwnMaddr(request: SipRequest, routeHere: RouteHere): void {
  if (!hasMaddr(request)) return;
  const uri = SipUri.parse(request.uri);
  const address = new SipUri(uri.scheme, undefined, uri.params.get('maddr') ?? '', uri.port);
  if (routeHere(address) === undefined) return;
  uri.params.delete('maddr');
  uri.params.delete('transport');
  uri.port = undefined;
  request.uri = uri.toString();
}

function tokenOf(uri: string | undefined, routeHere: RouteHere): string | undefined {
  // A URI of another scheme is not ours, and not malformed either.
  return uri !== undefined && /^sips?:/i.test(uri) ? routeHere(SipUri.parse(uri)) : undefined;
}
