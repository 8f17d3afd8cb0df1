import type { Logger } from '@linchpin/host';
import type { SipRequest } from '@linchpin/sip';
import type { EffectiveUser } from '@linchpin/topology';
import { Refused } from '../refused.ts';
import type { Call } from '../signaling/call.ts';
import { answerRegistration } from './answer.ts';
import { type Arrival, applyRegistration, type Outcome } from './apply.ts';
import type { Binding } from './binding.ts';
import type { Bindings } from './bindings.ts';
import type { FlowWatch } from './flow-watch.ts';
import { type Registration, readRegistration } from './registration.ts';

export interface RegistrarParts {
  bindings: Bindings;
  watch: FlowWatch;
  /** Whether this domain, or this very server, is what a Request-URI names. */
  isHere(request: SipRequest): boolean;
  /** Throws Refused where the user is not served by this pod. */
  homed(aor: string): EffectiveUser;
  /** Whether the binding's flow is there. */
  isOpen(binding: Binding): boolean;
  /** host:port by which the client at the other end knows this server. */
  /** Contacts were added or removed. */
  onChange(aor: string): void;
  /** Seconds (RFC 5626 4.4). */
  flowTimer: number;
  log: Logger;
  now?: () => number;
}

/** The registrar of RFC 3261 10.3, with Path, Service-Route and outbound. */
export function createRegistrar(parts: RegistrarParts): (call: Call) => Promise<void> {
  const { bindings, watch, isHere, homed, isOpen, onChange, flowTimer, log, now = Date.now } = parts;

  function userOf(call: Call): EffectiveUser {
    if (!isHere(call.request)) throw new Refused(404, 'Not the registrar of this domain', 'wrong-registrar');
    return homed(call.identity);
  }

  /** What has lost its connection does not count: its endpoint may be just the one that comes back now. */
  function enforceLimits({ aor, registrar }: EffectiveUser, outcome: Outcome): Outcome {
    const { maxEndpointsPerUser, maxUserCount } = registrar;
    const users = bindings.users();
    if (!users.has(aor) && users.size >= maxUserCount)
      throw new Refused(503, 'This registrar serves no more users', 'max-users', [['Retry-After', '60']]);
    if (endpoints(outcome.bindings) <= maxEndpointsPerUser) return outcome;
    const alive = outcome.bindings.filter((binding) => outcome.added.includes(binding) || isOpen(binding));
    if (endpoints(alive) > maxEndpointsPerUser)
      throw new Refused(403, `No more than ${maxEndpointsPerUser} endpoints`, 'max-endpoints');
    return { ...outcome, bindings: alive };
  }

  /**
   * A device that comes back is not a second one, whatever Contact it has now: it has lost its connection, or it has started
   * again (then its Call-ID is another, RFC 3261 10.2). Several flows of one device have reg-ids of their own.
   */
  function isSuperseded(binding: Binding, { contacts }: Registration, callId: string): boolean {
    const { instance, regId } = binding;
    const again = contacts.find((contact) => contact.instance === instance);
    if (instance === undefined || again === undefined) return false;
    const hasRestarted = regId === undefined && again.regId === undefined && binding.callId !== callId;
    return hasRestarted || !isOpen(binding);
  }

  async function update(call: Call, user: EffectiveUser, wanted: Registration): Promise<void> {
    const { aor } = user;
    const current = bindings.of(aor).filter((binding) => !isSuperseded(binding, wanted, call.request.callId));
    const applied = applyRegistration(current, wanted, arrivalOf(call, now()));
    const outcome = applied.added.length > 0 ? enforceLimits(user, applied) : applied;
    await bindings.store(aor, outcome.bindings);
    if (outcome.bindings.length > 0) watch.watch(call.flow, aor);
    if (outcome.added.length === 0 && outcome.removed.length === 0) return;
    report(call, aor, outcome);
    onChange(aor);
  }

  function report({ flow, traceparent, request }: Call, aor: string, { added, removed }: Outcome): void {
    const facts = { aor, callId: request.callId, traceparent, flow: flow.id };
    for (const { contact, userAgent } of added) log.info({ ...facts, contact, userAgent }, 'signed in');
    for (const { contact } of removed) log.info({ ...facts, contact, why: 'unregistered' }, 'signed out');
  }

  return async (call) => {
    const user = userOf(call);
    const wanted = readRegistration(call.request, user.registrar);
    if (wanted.removeAll || wanted.contacts.length > 0) await update(call, user, wanted);
    const granted = {
      wanted,
      bindings: bindings.of(user.aor),
      host: call.flow.sentBy,
      flowTimer,
      now: now(),
    };
    call.reply(200, 'OK', { headers: answerRegistration(call, granted) });
  };
}

/** Registrations of one device over several flows are one endpoint. */
function endpoints(bindings: readonly Binding[]): number {
  return new Set(bindings.map(({ instance, contact }) => instance ?? contact)).size;
}

function arrivalOf({ request, flow }: Call, now: number): Arrival {
  return {
    callId: request.callId,
    cseq: request.cseq.seq,
    flowId: flow.id,
    transport: flow.transport,
    received: `${flow.remote.address}:${flow.remote.port}`,
    sentBy: flow.sentBy,
    userAgent: request.get('user-agent'),
    now,
  };
}
