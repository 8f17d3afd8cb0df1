import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import type {
  DescribeUserReply,
  DescribeUserRequest,
  Endpoint,
  FrontendServer,
} from '@linchpin/proto/frontend/v1/frontend';

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

export interface DescribeUserParts {
  pod: string;
  /** Whether such a user is homed here. */
  isHomed(aor: string): boolean;
  endpoints(aor: string): readonly DescribedEndpoint[];
  presence(aor: string): DescribedPresence;
  /** Whether the flow is at an Edge. */
  isRemote(flowId: string): boolean;
  /** Where the user's group is, and why. */
  where?(aor: string): DescribedPlace;
  now?: () => number;
}

export type DescribedPlace = Pick<
  DescribeUserReply,
  'group' | 'pool' | 'owner' | 'term' | 'secondaries' | 'why'
>;

export function createFrontendRpc(parts: DescribeUserParts): FrontendServer {
  const { pod, isHomed, endpoints, presence, isRemote, now = Date.now } = parts;
  const { where = () => ({ group: 0, pool: '', owner: pod, term: 0, secondaries: [], why: '' }) } = parts;

  const describe = ({
    contact,
    userAgent = '',
    transport,
    flowId,
    expiresAt,
  }: DescribedEndpoint): Endpoint => ({
    contact,
    userAgent,
    transport,
    flow: isRemote(flowId) ? flowId : '',
    pod: isRemote(flowId) ? flowId.slice(0, flowId.indexOf('/')) : pod,
    expires: Math.max(0, Math.ceil((expiresAt - now()) / 1000)),
  });

  function describeUser(
    { request: { user } }: ServerUnaryCall<DescribeUserRequest, DescribeUserReply>,
    answer: sendUnaryData<DescribeUserReply>,
  ): void {
    if (!isHomed(user))
      return answer({ code: status.NOT_FOUND, details: `${user} is not homed in this pool` });
    const described = endpoints(user).map(describe);
    answer(null, { user, endpoints: described, ...presence(user), servedBy: pod, ...where(user) });
  }

  return {
    describeUser,
    getPool: (_call, answer) => answer({ code: status.UNIMPLEMENTED, details: 'this pool has one member' }),
  };
}
