import { type Logger, newTraceparent } from '@linchpin/host';
import {
  concernedUser,
  type Flow,
  type SipProxy,
  type SipRequest,
  SipResponse,
  statelessTag,
  type TransactionLayer,
} from '@linchpin/sip';
import { Refused } from '../refused.ts';
import type { Telemetry } from '../telemetry.ts';
import type { Begun } from './begun.ts';
import type { Dispatch } from './dispatch.ts';
import { malformedAs, toRefused, unavailable } from './failures.ts';
import { takeOwnRoutes } from './own-routes.ts';
import type { Refusals } from './refusals.ts';
import type { CallParts, Hop, ServedCall } from './served-call.ts';
import { currentTraceparent, withTraceparent } from './trace.ts';

/** How one method is served. */
export interface Route {
  /** Throws Refused, SipError or StateUnavailable, or rejects with them, to refuse. */
  handle(call: ServedCall): void | Promise<void>;
  /** Whether the request is proxied, so that RFC 3261 16.3 applies; otherwise this server is its user agent server. */
  relayed(request: SipRequest): boolean;
  /** Whether it is answered to anybody, with nothing but what this server is. */
  open?(request: SipRequest): boolean;
}

export type Verdict = { identity: string } | { challenge: SipResponse };

export interface InboundParts {
  layer: TransactionLayer;
  proxy: SipProxy;
  routes: { known: ReadonlyMap<string, Route>; unknown: Route };
  authenticate(request: SipRequest, flow: Flow, hops: readonly Hop[]): Verdict;
  /** Reads a token of ours; undefined when it is not of this dialog. */
  readHop(token: string, callId: string): Hop | undefined;
  createCall(parts: CallParts): ServedCall;
  /** Whether the flow of a dialog is there. */
  isOpen(flowId: string): boolean;
  dispatch: Pick<Dispatch, 'isHere' | 'relay' | 'follow'>;
  begun: Begun;
  /** False while it is not known yet who there is. */
  isLoaded(): boolean;
  refusals: Refusals;
  telemetry: Telemetry;
  log: Logger;
}

/** A request whose sender is proven, or that needs none. */
interface Admitted {
  /** As it came. */
  received: SipRequest;
  /** Without our own Route values, which are read into `hops`. */
  request: SipRequest;
  flow: Flow;
  identity: string;
  hops: readonly Hop[];
  route: Route;
  traceparent(): string;
}

/** Everything that a request passes before its handler: method, RFC 3261 16.3, our own Route values, who sent it, who serves it. */
export function createInbound(parts: InboundParts): (request: SipRequest, flow: Flow) => void {
  const { layer, proxy, routes, authenticate, readHop, createCall, isOpen, dispatch, begun } = parts;
  const { isLoaded, refusals, telemetry, log } = parts;

  function routeOf(request: SipRequest): Route {
    telemetry.request(request.method);
    return routes.known.get(request.method) ?? routes.unknown;
  }

  function validate(request: SipRequest, route: Route): void {
    if (route.relayed(request)) {
      const refusal = proxy.validate(request);
      if (refusal) throw malformedAs(refusal.status, refusal.reason, refusal.headers);
    } else if (request.has('require')) assertExtensions(request.values('require'));
  }

  function hopOf(token: string, callId: string): Hop {
    const hop = readHop(token, callId);
    if (!hop) throw new Refused(403, 'This Route is of another dialog', 'foreign-route');
    return hop;
  }

  /** RFC 3261 16.4; what is left names another server, and this one relays to none. */
  function takeRoutes(received: SipRequest): { request: SipRequest; hops: Hop[] } {
    const { request, tokens } = takeOwnRoutes(proxy, received);
    const hops = tokens.filter((token) => token !== '').map((token) => hopOf(token, received.callId));
    if (hops.length > 0 || !request.has('route')) return { request, hops };
    // A client may know this server by a name that it does not know itself, such as that of a load balancer.
    const rest = request === received ? request.clone() : request;
    if (tokens.length === 0) rest.dropFirst('route');
    if (rest.has('route')) throw new Refused(403, 'Does not relay to other servers', 'foreign-route');
    return { request: rest, hops };
  }

  async function serve(call: ServedCall, route: Route): Promise<void> {
    try {
      await withTraceparent(call.traceparent, () => route.handle(call));
    } catch (error) {
      call.fail(toRefused(error, log));
    }
  }

  function identify(request: SipRequest, flow: Flow, hops: Hop[]): Verdict {
    if (!isLoaded()) throw unavailable('not-loaded');
    return authenticate(request, flow, hops);
  }

  function admit(received: SipRequest, flow: Flow, traceparent: () => string): void {
    const route = routeOf(received);
    validate(received, route);
    const { request, hops } = takeRoutes(received);
    const verdict = route.open?.(request) ? { identity: '' } : identify(request, flow, hops);
    if ('challenge' in verdict) {
      telemetry.response(received.method, verdict.challenge.status);
      return layer.reply(received, flow, verdict.challenge);
    }
    place({ received, request, flow, identity: verdict.identity, hops, route, traceparent });
  }

  /** Here, or at the Front End that serves the user whom it concerns. */
  function place(admitted: Admitted): void {
    const { received, request, flow, identity, hops } = admitted;
    // Also where another serves the user by now.
    if (begun.isCopy(received, flow)) return;
    const user = identity === '' ? undefined : userOf(request, hops);
    if (user === undefined || dispatch.isHere(user)) return begin(admitted);
    const traceparent = admitted.traceparent();
    dispatch.relay({
      request: received,
      flow,
      identity,
      aor: user,
      traceparent,
      serve: () => begin({ ...admitted, traceparent: () => traceparent }),
      refuse: (refused) => refuse(received, flow, refused, traceparent),
    });
  }

  function begin({ received, request, flow, identity, hops, route, traceparent }: Admitted): void {
    if (begun.isCopy(received, flow)) return;
    const onFinal = begun.begin(received, flow);
    const transaction = layer.accept(received, flow, onFinal && { onFinal });
    void serve(createCall({ request, transaction, identity, hops, traceparent }), route);
  }

  /**
   * Whose Front End handles it. In a dialog our token names the way on, so any does; only where that way is lost, it takes one that
   * knows the user's others.
   */
  function userOf(request: SipRequest, hops: readonly Hop[]): string | undefined {
    const on = hops.at(-1);
    if (on === undefined) return concernedUser(request);
    return isOpen(on.flowId) ? undefined : on.aor;
  }

  /** Without state: whoever is refused here has not shown that it deserves memory. */
  function refuse(request: SipRequest, flow: Flow, error: unknown, traceparent: string): void {
    const refused = toRefused(error, log);
    const why = refusals(refused, { request, flow, traceparent });
    const options = { toTag: statelessTag(request), headers: [...refused.headers, why] };
    layer.reply(request, flow, SipResponse.to(request, refused.status, refused.message, options));
    telemetry.response(request.method, refused.status);
  }

  return (request, flow) => {
    const parent = currentTraceparent();
    const traceparent = () => newTraceparent(parent || request.get('traceparent'));
    if (log.isLevelEnabled('debug'))
      log.debug(
        { method: request.method, uri: request.uri, callId: request.callId, flow: flow.id },
        'request',
      );
    try {
      if (dispatch.follow(request, flow)) return;
      admit(request, flow, traceparent);
    } catch (error) {
      refuse(request, flow, error, traceparent());
    }
  };
}

// RFC 3261 8.2.2.3: options of requests that this server answers itself.
const supported = new Set(['path', 'outbound']);

function assertExtensions(tags: readonly string[]): void {
  const unknown = tags.filter((tag) => !supported.has(tag.toLowerCase()));
  if (unknown.length === 0) return;
  throw new Refused(420, 'Bad Extension', 'extension-required', [['Unsupported', unknown.join(', ')]]);
}
