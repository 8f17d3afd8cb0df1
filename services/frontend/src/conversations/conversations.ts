import {
  type Flow,
  type Prepared,
  type SipProxy,
  type SipRequest,
  SipResponse,
  type Target,
} from '@linchpin/sip';
import { Refused } from '../refused.ts';
import type { ServedCall } from '../signaling/served-call.ts';
import type { Telemetry } from '../telemetry.ts';
import { assertIdentity, dropClaims } from './claims.ts';
import { failed } from './failed.ts';
import { deviceMark, type Hops } from './hops.ts';
import type { Recipient, Recipients } from './recipients.ts';

export interface ConversationsParts {
  proxy: SipProxy;
  hops: Hops;
  recipients: Recipients;
  /** The +sip.instance of the user's endpoint at this flow, where its bindings are in memory here. */
  instanceAt(aor: string, flow: Flow): string | undefined;
  /** Takes out what was meant for this server only; gives back the request itself where there is nothing. */
  withoutCredentials(request: SipRequest): SipRequest;
  /** RFC 3261 16.4. */
  takeOwnRoutes(request: SipRequest): Prepared;
  /** Logs why there is no answer, and gives the header that leads to the log line. */
  explain(refused: Refused, call: ServedCall): [name: string, value: string];
  telemetry: Telemetry;
}

export interface Conversations {
  /** A request that may begin a dialog: goes to all endpoints of the user, and its dialog comes back through here. */
  begin(call: ServedCall): void;
  /** A request that is complete in itself: MESSAGE (RFC 3428), OPTIONS, NOTIFY and the like. */
  pass(call: ServedCall): void;
  /** A request that makes sense in a dialog only. */
  continue(call: ServedCall): void;
  /** Throws like a handler; there is nobody to answer. */
  acknowledge(ack: SipRequest, flow: Flow): void;
}

export function createConversations(parts: ConversationsParts): Conversations {
  const { proxy, hops, recipients, instanceAt, withoutCredentials, takeOwnRoutes, explain, telemetry } =
    parts;

  function prepared(call: ServedCall): SipRequest {
    const clean = withoutCredentials(call.request);
    const copy = clean === call.request ? clean.clone() : clean;
    assertIdentity(copy, call.identity);
    return copy;
  }

  /** What the caller gets to hear: an endpoint's answer, or why there is none. */
  function upstream(call: ServedCall, response: SipResponse, own: boolean): SipResponse {
    const refused = own || response.status === 430 ? failed(response) : undefined;
    if (!refused) {
      dropClaims(response);
      return response;
    }
    const headers = [...refused.headers, explain(refused, call)];
    return SipResponse.to(call.request, refused.status, refused.message, { headers });
  }

  /**
   * Two values (RFC 5658 5): the upper one leads the callee's requests in over its own flow and names that flow to who
   * calls, the lower one does the same for the caller.
   */
  function recordRoutes({ request, flow, identity }: ServedCall, target: Target, out: Flow): string[] {
    const { aor, instanceId } = target as Recipient;
    const callee = { flowId: out.id, aor, device: deviceMark(instanceId) };
    const instance = instanceAt(identity, flow) ?? instanceIn(request);
    const caller = { flowId: flow.id, aor: identity, device: deviceMark(instance) };
    return [hops.write(callee, out, request.callId), hops.write(caller, flow, request.callId)];
  }

  function finished({ request }: ServedCall, response: SipResponse | undefined): void {
    if (response) telemetry.response(request.method, response.status);
    const delivered = response !== undefined && response.status < 300;
    if (request.method === 'MESSAGE') telemetry.message(delivered ? 'delivered' : 'failed');
  }

  function forward(call: ServedCall, targets: Recipient[], beginsDialog: boolean): void {
    proxy.forward({
      transaction: call.transaction,
      request: prepared(call),
      targets,
      ...(beginsDialog && { recordRoutes: (target: Target, out: Flow) => recordRoutes(call, target, out) }),
      upstream: (response, own) => upstream(call, response, own),
      onFinal: (response) => finished(call, response),
    });
  }

  /** The way on, as the last of our Route values names it; with one only, that must not be the way it came. */
  function wayOn({
    request,
    flow,
    hops,
  }: Pick<ServedCall, 'request' | 'flow' | 'hops'>): Recipient | undefined {
    const hop = hops.at(-1);
    if (!hop || (hops.length === 1 && hop.flowId === flow.id)) return undefined;
    return recipients.inDialog(request, hop);
  }

  function relay(call: ServedCall, beginsDialog: boolean): void {
    const on = wayOn(call);
    if (on) forward(call, [on], false);
    else forward(call, recipients.of(call.request, call.identity), beginsDialog);
  }

  return {
    begin: (call) => relay(call, call.request.to.tag === undefined),
    pass: (call) => relay(call, false),
    continue(call) {
      const on = wayOn(call);
      if (!on) throw new Refused(481, 'No such dialog through this server', 'no-dialog');
      forward(call, [on], false);
    },
    acknowledge(received, flow) {
      const { request, tokens } = takeOwnRoutes(received);
      const read = tokens.map((token) => hops.read(token, received.callId));
      const on = wayOn({ request, flow, hops: read.filter((hop) => hop !== undefined) });
      if (!on) return;
      const copy = withoutCredentials(request).clone();
      dropClaims(copy);
      proxy.relayAck(copy, on);
    },
  };
}

/** What a caller says of itself whose bindings another Front End has; it finds no other's endpoint by it (RFC 5626 4.1). */
const instanceIn = (request: SipRequest): string | undefined =>
  /;\s*\+sip\.instance="<([^>"]+)>"/i.exec(request.get('contact') ?? '')?.[1];
