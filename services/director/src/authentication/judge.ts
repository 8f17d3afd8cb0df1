import type { Attempts } from '@linchpin/host';
import {
  type DigestAlgorithm,
  type DigestCredentials,
  digestHa1,
  type Nonces,
  offeredAlgorithms,
  parseDigest,
  type SipRequest,
  verifyDigest,
} from '@linchpin/sip';
import type { Directory, EffectiveUser } from '@linchpin/topology';

/** What becomes of a request. `rule` is for the log only: outside, all refusals look the same. */
export type Verdict =
  | { kind: 'pass'; identity: string; signedIn: boolean }
  | { kind: 'challenge'; realm: string; stale: boolean; algorithms: readonly DigestAlgorithm[] }
  /** `ends`: the flow's own identity may not come in any more, so the connection must not stay. */
  | { kind: 'refuse'; rule: string; ends?: true }
  | { kind: 'drop'; rule: string };

/** Where a request came in. */
export interface Origin {
  /** The client's IP address. */
  source: string;
  edgePool: string;
}

export interface JudgeParts {
  directory: Directory;
  /** The pool of Directors that this pod is in. */
  pool: string;
  nonces: Nonces;
  attempts: Attempts;
}

/** The identity that a request claims: REGISTER speaks for its To (RFC 3261 10.2), everything else for its From. */
const claimedIdentity = (request: SipRequest): string =>
  (request.method === 'REGISTER' ? request.to : request.from).parsedUri.aor();

const domainOf = (aor: string): string => aor.slice(aor.lastIndexOf('@') + 1);

/** Why this user may not come in from outside through this pool of Edges, or undefined. */
function barred(user: EffectiveUser | undefined, directory: Directory, edgePool: string): string | undefined {
  if (user === undefined) return 'unknown-user';
  if (!user.spec.enabled) return 'user-disabled';
  if (!user.externalAccessPolicy.outsideAccess) return 'no-external-access';
  if (!directory.accessEdge(edgePool).allowOutsideUsers) return 'outside-users-switched-off';
  return undefined;
}

function credentialsFor(request: SipRequest, realm: string): DigestCredentials | undefined {
  const header = request.method === 'REGISTER' ? 'authorization' : 'proxy-authorization';
  for (const value of request.getAll(header)) {
    const credentials = parseDigest(value);
    if (credentials?.realm === realm) return credentials;
  }
  return undefined;
}

const isAlgorithm = (
  name: string | undefined,
  allowed: readonly DigestAlgorithm[],
): name is DigestAlgorithm => name !== undefined && (allowed as readonly string[]).includes(name);

/** An account that does not exist is checked against this, so that it costs and answers the same. */
const noPassword = digestHa1('SHA-256', 'nobody', 'nowhere', Math.random().toString(36));

function passwordFits(
  request: SipRequest,
  credentials: DigestCredentials,
  user: EffectiveUser | undefined,
): boolean {
  const algorithm = credentials.algorithm as DigestAlgorithm;
  const ha1 = user?.credential?.digest[credentials.username]?.[algorithm];
  const fits = verifyDigest(credentials, {
    method: request.method,
    ha1: ha1 ?? noPassword,
    body: request.body,
  });
  return fits && ha1 !== undefined;
}

/**
 * Decides over one request from outside, from nothing but the request, the flow's proven identity and the replica
 * (so that a flood of bad requests never reaches a Front End, not even as a look-up).
 * Throws SipError for a request that cannot be understood.
 */
export function createJudge({ directory, pool, nonces, attempts }: JudgeParts) {
  /** Credentials whose nonce is fit to be checked. */
  function credible(
    request: SipRequest,
    credentials: DigestCredentials,
    claimed: string,
    { source, edgePool }: Origin,
  ): Verdict {
    const limited = attempts.refused(source, claimed);
    if (limited !== undefined) return { kind: 'refuse', rule: limited.rule };
    const user = directory.user(claimed);
    if (!passwordFits(request, credentials, user)) {
      attempts.failed(source, claimed);
      return { kind: 'refuse', rule: user === undefined ? 'unknown-user' : 'wrong-password' };
    }
    // Only a right answer uses its count up: others must not be able to fill the memory of used ones.
    if (nonces.check(credentials.nonce, credentials.ncCount) !== 'ok')
      return challenge(request, claimed, true);
    attempts.succeeded(source, claimed);
    const rule = barred(user, directory, edgePool);
    return rule === undefined
      ? { kind: 'pass', identity: claimed, signedIn: true }
      : { kind: 'refuse', rule };
  }

  const challenge = (request: SipRequest, claimed: string, stale: boolean): Verdict => ({
    kind: 'challenge',
    realm: domainOf(claimed),
    stale,
    algorithms: offeredAlgorithms(request, directory.registrar(pool).digestAlgorithms),
  });

  function unproven(request: SipRequest, claimed: string, origin: Origin): Verdict {
    const realm = domainOf(claimed);
    if (!directory.isLocalDomain(realm)) return { kind: 'refuse', rule: 'foreign-domain' };
    const credentials = credentialsFor(request, realm);
    const { digestAlgorithms } = directory.registrar(pool);
    if (credentials === undefined || !isAlgorithm(credentials.algorithm, digestAlgorithms))
      return challenge(request, claimed, false);
    // RFC 7616 3.3: with a nonce that is too old or forged the client may try again with a new one.
    if (nonces.examine(credentials.nonce) !== 'ok') return challenge(request, claimed, true);
    return credible(request, credentials, claimed, origin);
  }

  /** `identity` is what the flow has proven before, or empty. */
  return function judge(request: SipRequest, identity: string, origin: Origin): Verdict {
    // An ACK cannot be challenged (RFC 3261 22.1), and a CANCEL neither.
    const unchallengeable = request.method === 'ACK' || request.method === 'CANCEL';
    if (unchallengeable && identity === '')
      return { kind: 'drop', rule: `${request.method.toLowerCase()}-before-sign-in` };
    const claimed = unchallengeable ? identity : claimedIdentity(request);
    if (identity === '' || claimed !== identity) return unproven(request, claimed, origin);
    const rule = barred(directory.user(identity), directory, origin.edgePool);
    return rule === undefined
      ? { kind: 'pass', identity, signedIn: false }
      : { kind: 'refuse', rule, ends: true };
  };
}

export type Judge = ReturnType<typeof createJudge>;
