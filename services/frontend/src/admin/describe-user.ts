import type { DescribeUserReply, Endpoint } from '@linchpin/proto/frontend/v1/frontend';
import type { UserPlace } from '@linchpin/topology';

/** A registered endpoint, as an administrator sees it. */
export interface DescribedEndpoint {
  contact: string;
  userAgent?: string | undefined;
  transport: string;
  flowId: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

export interface DescribedPresence {
  availability: number;
  activity: string;
  note: string;
  watchers: number;
}

export interface UserParts {
  pod: string;
  /** Whether this pod serves the user right now. */
  serves(aor: string): boolean;
  endpoints(aor: string): readonly DescribedEndpoint[];
  presence(aor: string): DescribedPresence;
  where(aor: string): UserPlace;
  now?: () => number;
}

const UNKNOWN = { endpoints: [], availability: 0, activity: '', note: '', watchers: 0, servedBy: '' };

/** Where the user is; only who serves it knows the rest. */
export function describeUser(parts: UserParts, user: string): DescribeUserReply {
  const { pod, serves, endpoints, presence, where, now = Date.now } = parts;
  const place = where(user);
  if (!serves(user)) return { user, ...UNKNOWN, ...place };
  const described = endpoints(user).map((endpoint) => describeEndpoint(endpoint, pod, now()));
  return { user, endpoints: described, ...presence(user), servedBy: pod, ...place };
}

function describeEndpoint(endpoint: DescribedEndpoint, pod: string, now: number): Endpoint {
  const { contact, userAgent = '', transport, flowId, expiresAt } = endpoint;
  const [there = ''] = flowId.split('/', 1);
  return {
    contact,
    userAgent,
    transport,
    flow: there === pod ? '' : flowId,
    pod: there,
    expires: Math.max(0, Math.ceil((expiresAt - now) / 1000)),
  };
}
