import type { Attempts, TooMany } from '@linchpin/host';
import {
  digestChallenges,
  type Flow,
  type Nonces,
  offeredAlgorithms,
  type SipRequest,
  SipResponse,
  sourceOf,
} from '@linchpin/sip';
import type { Directory, EffectiveUser } from '@linchpin/topology';
import { Refused } from '../refused.ts';
import { credentialsFor, isRegistration, passwordFits } from './credentials.ts';

export interface AuthenticationParts {
  directory: Directory;
  nonces: Nonces;
  attempts: Attempts;
  /** Flows whose identity a Director has proved, message by message. */
  isRemote(flow: Flow): boolean;
  /** Whether a sender is a room, which Persistent Chat has vouched for: nobody signs in as one. */
  isRoom(aor: string): boolean;
}

/** A way of a dialog, proven by our own signature: whose requests come along it, and over which flow. */
export interface ProvenHop {
  flowId: string;
  aor: string;
}

/** Who sent the request, or the challenge that asks for it. Throws Refused, SipError for what cannot be read. */
export type Authenticate = (
  request: SipRequest,
  flow: Flow,
  hops: readonly ProvenHop[],
) => { identity: string } | { challenge: SipResponse };

/** REGISTER speaks for its To (RFC 3261 10.2), everything else for its From. */
const claimedBy = (request: SipRequest): string =>
  (isRegistration(request) ? request.to : request.from).parsedUri.aor();

const domainOf = (aor: string): string => aor.slice(aor.lastIndexOf('@') + 1);

const signInRefused = (rule: string): Refused => new Refused(403, 'Forbidden', rule);

/** Not final, as a 403 is: a phone that knows the password goes on by itself. */
const tooMany = ({ rule, retryAfter }: TooMany): Refused =>
  new Refused(503, 'Too many wrong passwords', rule, [['Retry-After', String(retryAfter)]]);

export function createAuthentication(parts: AuthenticationParts): Authenticate {
  const { directory, nonces, attempts, isRemote, isRoom } = parts;
  const algorithmsFor = (claimed: string) =>
    (directory.user(claimed)?.registrar ?? directory.registrar()).digestAlgorithms;

  function challenge(request: SipRequest, claimed: string, stale: boolean): { challenge: SipResponse } {
    const realm = domainOf(claimed);
    const algorithms = offeredAlgorithms(request, algorithmsFor(claimed));
    const nonce = nonces.issue(`${request.via.branch} ${request.callId} ${request.cseq.seq}`);
    const values = digestChallenges({ realm, nonce, algorithms, stale });
    const [status, name] = isRegistration(request)
      ? ([401, 'WWW-Authenticate'] as const)
      : ([407, 'Proxy-Authenticate'] as const);
    const headers = values.map((value): [string, string] => [name, value]);
    // Copies of a request get copies of the answer, though nothing is kept (RFC 3261 8.2.7): of the nonce and of the tag.
    const toTag = nonce.slice(-16);
    return { challenge: SipResponse.to(request, status, undefined, { toTag, headers }) };
  }

  function active(user: EffectiveUser | undefined): asserts user is EffectiveUser {
    if (!user) throw signInRefused('unknown-user');
    if (!user.spec.enabled) throw signInRefused('user-disabled');
  }

  function ask(request: SipRequest, flow: Flow, claimed: string): ReturnType<Authenticate> {
    const realm = domainOf(claimed);
    if (!directory.isLocalDomain(realm))
      throw new Refused(403, 'The sender is not of this domain', 'spoofed-identity');
    const credentials = credentialsFor(request, realm, algorithmsFor(claimed));
    if (!credentials) return challenge(request, claimed, false);
    // Whoever has heard no nonce of ours may be anywhere, whatever the address of the datagram.
    if (nonces.examine(credentials.nonce) !== 'ok') return challenge(request, claimed, true);
    const user = directory.user(claimed);
    const source = sourceOf(flow.remote.address);
    const limited = attempts.refused(source, claimed);
    if (limited !== undefined) throw tooMany(limited);
    if (!passwordFits(request, credentials, user)) {
      attempts.failed(source, claimed);
      throw signInRefused(user ? 'wrong-password' : 'unknown-user');
    }
    // Only now, for nobody else may use up the counts of a nonce. RFC 7616 3.3: the password was right, so try again.
    if (nonces.check(credentials.nonce, credentials.ncCount) !== 'ok')
      return challenge(request, claimed, true);
    attempts.succeeded(source, claimed);
    active(user);
    if (flow.reliable) flow.identity = claimed;
    return { identity: claimed };
  }

  /** The dialog was begun by who had proved to be it, and our token says over which flow its requests come. */
  function ofDialog(request: SipRequest, flow: Flow, hops: readonly ProvenHop[]): string | undefined {
    const [own, other] = hops;
    if (!own || !other || own.flowId !== flow.id || request.to.tag === undefined) return undefined;
    // Whoever is in a dialog is not anybody else there.
    return claimedBy(request) === own.aor ? own.aor : undefined;
  }

  return (request, flow, hops) => {
    const inDialog = ofDialog(request, flow, hops);
    const claimed = inDialog ?? claimedBy(request);
    const proven = inDialog !== undefined || flow.identity === claimed;
    if (!proven && isRemote(flow))
      throw new Refused(403, 'The sender is not who is signed in', 'spoofed-identity');
    if (!proven) return ask(request, flow, claimed);
    if (!(isRemote(flow) && isRoom(claimed))) active(directory.user(claimed));
    return { identity: claimed };
  };
}
