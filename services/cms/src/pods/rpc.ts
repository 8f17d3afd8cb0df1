// ListMembers, GetPool, DescribeUser and DrainPod as they arrive by gRPC.
import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import type { Logger } from '@linchpin/host';
import type {
  DrainPodRequest,
  ListMembersReply,
  ListMembersRequest,
  Member,
} from '@linchpin/proto/cms/v1/cms';
import type {
  DescribeUserReply,
  DescribeUserRequest,
  GetPoolReply,
  GetPoolRequest,
} from '@linchpin/proto/frontend/v1/frontend';
import type { DrainProgress } from '@linchpin/proto/pod/v1/pod';
import { type MemberRecord, type Members, placeOfUser, poolView } from '@linchpin/topology';
import { callerName } from '../caller-name.ts';
import { CmsError, unavailable } from '../cms-error.ts';
import type { Calls } from './calls.ts';
import { mergePool } from './pool.ts';

export interface PodsParts {
  members: Pick<Members, 'list' | 'loaded'>;
  calls: Calls;
  /** Whether NATS is there: else nobody knows who lives. */
  connected(): boolean;
  /** The pool that the user is homed in; undefined where there is no such user. `aor` is "sip:alice@contoso.lab". */
  poolOf(aor: string): Promise<string | undefined>;
  log: Logger;
}

type Unary<Q, A> = (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>) => Promise<void>;

export function createPodsRpc({ members, calls, connected, poolOf, log }: PodsParts) {
  function list(role = '', pool = ''): MemberRecord[] {
    if (!connected()) throw unavailable('NATS is away: which pods are there is not known');
    if (!members.loaded) throw unavailable('CMS has just begun to look which pods are there; try again');
    const isWanted = (member: MemberRecord) =>
      (role === '' || member.role === role) && (pool === '' || member.pool === pool);
    return members
      .list()
      .filter(isWanted)
      .sort((a, b) => (a.pod < b.pod ? -1 : 1));
  }

  function find(pod: string): MemberRecord {
    const all = list();
    const found = all.find((member) => member.pod === pod);
    if (found !== undefined) return found;
    const names = all.map((member) => member.pod).join(', ') || 'none';
    throw new CmsError(status.NOT_FOUND, `there is no pod ${pod}; the pods are: ${names}`);
  }

  function frontEndsOf(pool: string): MemberRecord[] {
    const found = list('frontend', pool);
    if (found.length > 0) return found;
    const pools = [...new Set(list('frontend').map((member) => member.pool))].join(', ') || 'none';
    throw new CmsError(
      status.NOT_FOUND,
      `no Front End of pool ${pool} is there; pools with Front Ends: ${pools}`,
    );
  }

  const listMembers: Unary<ListMembersRequest, ListMembersReply> = async ({ request }, callback) =>
    callback(null, { members: list(request.role, request.pool).map(toMember) });

  const getPool: Unary<GetPoolRequest, GetPoolReply> = async ({ request }, callback) => {
    const pool = request.pool || (list('frontend')[0]?.pool ?? 'frontend');
    const records = frontEndsOf(pool);
    const answers = await Promise.all(
      records.map(async (member) => [member.pod, await unlessAway(calls.getPool(member, pool))] as const),
    );
    const known = answers.filter((entry): entry is [string, GetPoolReply] => entry[1] !== undefined);
    callback(null, mergePool(pool, records, new Map(known)));
  };

  const describeUser: Unary<DescribeUserRequest, DescribeUserReply> = async ({ request }, callback) => {
    const { user } = request;
    const pool = await poolOf(user);
    if (pool === undefined) throw new CmsError(status.NOT_FOUND, `there is no user ${user}`);
    const records = list('frontend', pool);
    const place = placeOfUser(poolView(pool, records), user);
    callback(null, (await askAbout(user, place.owner, records)) ?? { user, ...nothingKnown, ...place });
  };

  /** The owner answers; where nobody says that it is, whoever serves the user, else anybody. */
  async function askAbout(
    user: string,
    owner: string,
    records: MemberRecord[],
  ): Promise<DescribeUserReply | undefined> {
    const asked = records.filter(({ pod }) => owner === '' || pod === owner);
    const answers = await Promise.all(asked.map((member) => unlessAway(calls.describeUser(member, user))));
    return answers.find((answer) => answer?.servedBy) ?? answers.find((answer) => answer !== undefined);
  }

  async function drainPod(call: ServerWritableStream<DrainPodRequest, DrainProgress>): Promise<void> {
    const member = find(call.request.pod);
    log.info({ member: member.pod, who: callerName(call) }, 'drain asked for');
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    await calls.drain(member, (progress) => call.write(progress), gone.signal);
    call.end();
  }

  async function unlessAway<T>(answer: Promise<T>): Promise<T | undefined> {
    return answer.catch((error) => {
      log.info({ why: (error as Error).message }, 'a Front End did not answer');
      return undefined;
    });
  }

  return { list, methods: { listMembers, getPool, describeUser, drainPod } };
}

const nothingKnown = { endpoints: [], availability: 0, activity: '', note: '', watchers: 0, servedBy: '' };

const toMember = ({ pod, role, pool, address, state, productVersion }: MemberRecord): Member => ({
  pod,
  role,
  pool,
  address,
  state,
  productVersion,
});
