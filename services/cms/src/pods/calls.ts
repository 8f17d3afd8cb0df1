// Calls to other pods, on behalf of administrators who can reach nobody but CMS.
import { type Client, type ClientReadableStream, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { createRpcClient, type Mtls } from '@linchpin/host';
import {
  type DescribeUserReply,
  FrontendClient,
  type GetPoolReply,
} from '@linchpin/proto/frontend/v1/frontend';
import { type DrainProgress, PodClient } from '@linchpin/proto/pod/v1/pod';
import type { MemberRecord } from '@linchpin/topology';
import { CmsError } from '../cms-error.ts';

export interface Calls {
  describeUser(member: MemberRecord, user: string): Promise<DescribeUserReply>;
  getPool(member: MemberRecord, pool: string): Promise<GetPoolReply>;
  /** Ends when `signal` is aborted, or the pod has said the last. Rejects with what an administrator should read. */
  drain(
    member: MemberRecord,
    onProgress: (progress: DrainProgress) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

const PATIENCE_MS = 2_000;

type Unary<Q, A> = (
  request: Q,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, reply: A) => void,
) => unknown;

export function createCalls(mtls: Mtls): Calls {
  async function frontEnd<Q, A>(
    { address, role }: MemberRecord,
    method: (client: FrontendClient) => Unary<Q, A>,
    request: Q,
  ): Promise<A> {
    const client = createRpcClient(FrontendClient, address, role, mtls);
    return closing(client, () => ask(method(client).bind(client), request));
  }

  return {
    describeUser: (member, user) => frontEnd(member, (client) => client.describeUser, { user }),
    getPool: (member, pool) => frontEnd(member, (client) => client.getPool, { pool }),
    async drain(member, onProgress, signal) {
      const client = createRpcClient(PodClient, member.address, member.role, mtls);
      await closing(client, () => follow(client.drain({}), onProgress, signal)).catch((error) => {
        throw forPeople(error, member);
      });
    },
  };
}

async function closing<T>(client: Client, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    client.close();
  }
}

const ask = <Q, A>(method: Unary<Q, A>, request: Q): Promise<A> =>
  new Promise((resolve, reject) => {
    const answer = (error: ServiceError | null, reply: A) => (error ? reject(error) : resolve(reply));
    method(request, new Metadata(), { deadline: Date.now() + PATIENCE_MS }, answer);
  });

/** A pod that has nothing to say within the time is not there; after its first word it may take as long as it takes. */
function follow(
  call: ClientReadableStream<DrainProgress>,
  onProgress: (progress: DrainProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const mute = setTimeout(() => call.destroy(new Error('it does not answer')), PATIENCE_MS);
  signal.addEventListener('abort', () => call.cancel(), { once: true });
  return new Promise<void>((resolve, reject) => {
    call.on('data', (progress: DrainProgress) => {
      clearTimeout(mute);
      onProgress(progress);
    });
    call.on('end', resolve);
    call.on('error', (error) => (signal.aborted ? resolve() : reject(error)));
  }).finally(() => clearTimeout(mute));
}

function forPeople(error: Partial<ServiceError>, { pod, address }: MemberRecord): CmsError {
  const why = error.details ?? error.message ?? '';
  if (error.code !== undefined && error.code !== status.UNAVAILABLE) return new CmsError(error.code, why);
  return new CmsError(status.UNAVAILABLE, `${pod} at ${address} cannot be reached: ${why}`, { cause: error });
}
