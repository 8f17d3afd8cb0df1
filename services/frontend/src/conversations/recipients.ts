import type { Flow, SipRequest, Target } from '@linchpin/sip';
import type { EffectiveUser } from '@linchpin/topology';
import { Refused } from '../refused.ts';
import type { Hop } from '../signaling/served-call.ts';

/** What conversations need to know of a registered endpoint. */
export interface Endpoint {
  contact: string;
  instance?: string | undefined;
  regId?: number | undefined;
  path: string[];
  q: number;
}

/** An endpoint, or the other end of a dialog, as a target of the proxy. */
export interface Recipient extends Target {
  aor: string;
  instanceId: string | undefined;
}

export interface RecipientsParts<E extends Endpoint> {
  /** Throws Refused where nobody of that name is served by this pod. */
  homed(aor: string): EffectiveUser;
  isLocalDomain(domain: string): boolean;
  /** Whether the user has blocked the sender (container 32000). */
  isBlocked(sender: string, user: EffectiveUser): boolean;
  endpoints(aor: string): E[];
  wayTo(endpoint: E): Flow | Promise<Flow | undefined> | undefined;
  /** Whether its flow is there. */
  isOpen(endpoint: E): boolean;
  /** Whether there is no way to it any more. */
  isDead(endpoint: E): boolean;
  /** The flow of a dialog, undefined when it is gone. */
  find(flowId: string): Flow | undefined;
  deviceMark(instance: string | undefined): string;
}

/** Where requests go: a new one to all endpoints of a user, one in a dialog to the endpoint that is in it. */
export interface Recipients {
  /** Throws Refused when there is nobody for the sender. */
  of(request: SipRequest, sender: string): Recipient[];
  inDialog(request: SipRequest, hop: Hop): Recipient;
}

export function createRecipients<E extends Endpoint>(parts: RecipientsParts<E>): Recipients {
  const { homed, isLocalDomain, isBlocked, endpoints, wayTo, isOpen, isDead, find, deviceMark } = parts;

  const recipient = (aor: string, endpoint: E): Recipient => ({
    aor,
    uri: endpoint.contact,
    flow: () => wayTo(endpoint),
    route: endpoint.path,
    q: endpoint.q,
    instanceId: endpoint.instance,
    // RFC 5626 7 speaks of registrations with reg-id only; without it they may be two programs of one device.
    ...(endpoint.regId !== undefined && endpoint.instance && { instance: endpoint.instance }),
  });

  function userOf(request: SipRequest): EffectiveUser {
    const uri = request.parsedUri;
    const domain = uri.host.toLowerCase();
    if (!isLocalDomain(domain))
      throw new Refused(403, 'This server does not serve that domain', 'foreign-domain');
    if (uri.user === undefined) throw new Refused(404, 'No user in the Request-URI', 'not-for-servers');
    return homed(uri.aor());
  }

  /** The endpoint may have come back over another connection since the dialog began. */
  function comeBack(request: SipRequest, { aor, device }: Hop): E | undefined {
    const open = endpoints(aor).filter(isOpen);
    const same = ({ contact }: E) => contact === request.uri;
    const sameDevice = ({ instance }: E) => device !== '' && deviceMark(instance) === device;
    return (
      open.find(same) ?? open.find(sameDevice) ?? endpoints(aor).find((one) => same(one) && !isDead(one))
    );
  }

  return {
    of(request, sender) {
      const user = userOf(request);
      const { aor } = user;
      if (isBlocked(sender, user)) throw notThere('blocked');
      const alive = endpoints(aor).filter((endpoint) => !isDead(endpoint));
      const targets = alive.map((endpoint) => recipient(aor, endpoint));
      if (targets.length > 0) return targets;
      throw notThere('no-endpoint');
    },
    inDialog(request, hop) {
      const flow = find(hop.flowId);
      // The Route set goes on behind this server as it is: the dialog's other end made it (RFC 3261 16.6 step 6).
      const target = { aor: hop.aor, uri: request.uri, instanceId: undefined };
      if (flow && !flow.closed) return { ...target, flow: () => flow };
      const endpoint = comeBack(request, hop);
      if (!endpoint) throw new Refused(481, 'The other end has lost its connection', 'flow-gone');
      return { ...target, flow: () => wayTo(endpoint) };
    },
  };
}

const notThere = (rule: 'no-endpoint' | 'blocked'): Refused => new Refused(480, 'Not signed in', rule);
