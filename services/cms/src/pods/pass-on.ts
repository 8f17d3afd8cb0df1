// Calls of another role's service, passed on as they are: administrators reach nobody but CMS, from outside a cluster.
import {
  Client,
  type ClientReadableStream,
  Metadata,
  type MethodDefinition,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { createRpcClient, type Mtls } from '@linchpin/host';
import { ADMINISTRATOR } from '@linchpin/proto/on-behalf-of';
import type { MemberRecord } from '@linchpin/topology';
import { callerName } from '../caller-name.ts';
import { CmsError, unavailable } from '../cms-error.ts';

export interface PassOnParts {
  /** The role that serves it; any of its pods will do. */
  role: string;
  /** Rejects with UNAVAILABLE while nobody knows who is there. */
  list(role: string): MemberRecord[];
  mtls: Mtls;
}

export interface PassedOn {
  /** The same methods, with messages as bytes. */
  definition: ServiceDefinition;
  handlers: UntypedServiceImplementation;
  close(): void;
}

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Streaming = ServerWritableStream<Buffer, Buffer>;
type AnyMethod = MethodDefinition<unknown, unknown>;

/** For callers that set no deadline. A stream lasts as long as its two ends want. */
const UNARY_MS = 60_000;

export function passOn(service: ServiceDefinition, { role, list, mtls }: PassOnParts): PassedOn {
  const clients = new Map<string, Client>();
  let turn = 0;

  function clientOf({ address }: MemberRecord): Client {
    const known = clients.get(address);
    if (known !== undefined) return known;
    const client = createRpcClient(Client, address, role, mtls);
    clients.set(address, client);
    return client;
  }

  function forgetAllBut(members: readonly MemberRecord[]): void {
    for (const [address, client] of clients) {
      if (members.some((member) => member.address === address)) continue;
      client.close();
      clients.delete(address);
    }
  }

  /** Those that drain come last; each call begins with another one. */
  function inTurn(): MemberRecord[] {
    const members = list(role);
    forgetAllBut(members);
    if (members.length === 0) throw unavailable(`no pod of ${role} is there`);
    const first = turn++ % members.length;
    const rotated = [...members.slice(first), ...members.slice(0, first)];
    return rotated.sort((a, b) => Number(a.state !== 'running') - Number(b.state !== 'running'));
  }

  /** With the next pod only where a call has surely not arrived: what was begun is not begun twice. */
  async function anywhere<T>(use: (client: Client) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const member of inTurn()) {
      try {
        return await use(clientOf(member));
      } catch (error) {
        if (!hasNotArrived(error)) throw answerOf(error);
        last = error;
      }
    }
    throw unavailable(`no pod of ${role} can be reached: ${(last as ServiceError).details}`, last);
  }

  const unary =
    ({ path }: AnyMethod) =>
    async (call: Unary, callback: sendUnaryData<Buffer>): Promise<void> =>
      callback(null, await anywhere((client) => ask(client, path, call)));

  const streaming =
    ({ path }: AnyMethod) =>
    async (call: Streaming): Promise<void> => {
      await anywhere((client) => pour(client, path, call));
      call.end();
    };

  const methods = Object.entries(service) as [string, AnyMethod][];
  return {
    definition: Object.fromEntries(methods.map(([name, method]) => [name, asBytes(method)])),
    handlers: Object.fromEntries(
      methods.map(([name, method]) => [name, method.responseStream ? streaming(method) : unary(method)]),
    ) as UntypedServiceImplementation,
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

const same = (bytes: Buffer): Buffer => bytes;

function asBytes({ path, requestStream, responseStream }: AnyMethod): MethodDefinition<Buffer, Buffer> {
  if (requestStream) throw new Error(`${path}: a stream of requests cannot be passed on`);
  const forms = { requestSerialize: same, requestDeserialize: same };
  return {
    path,
    requestStream,
    responseStream,
    ...forms,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function onBehalf(call: Unary | Streaming): Metadata {
  const metadata = new Metadata();
  metadata.set(ADMINISTRATOR, Buffer.from(callerName(call), 'utf8'));
  return metadata;
}

function ask(client: Client, path: string, call: Unary): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const deadline = Math.min(Number(call.getDeadline()), Date.now() + UNARY_MS);
    const answer = (error: ServiceError | null, reply?: Buffer) =>
      error ? reject(error) : resolve(reply as Buffer);
    const asked = client.makeUnaryRequest(
      path,
      same,
      same,
      call.request,
      onBehalf(call),
      { deadline },
      answer,
    );
    call.on('cancelled', () => asked.cancel());
  });
}

/** No faster than the caller reads. */
function pour(client: Client, path: string, call: Streaming): Promise<void> {
  const deadline = call.getDeadline();
  const source: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
    path,
    same,
    same,
    call.request,
    onBehalf(call),
    { deadline },
  );
  call.on('cancelled', () => source.cancel());
  call.on('drain', () => source.resume());
  return new Promise((resolve, reject) => {
    source.on('data', (message: Buffer) => {
      if (!call.write(message)) source.pause();
    });
    source.on('end', resolve);
    source.on('error', reject);
  });
}

/** What grpc-js says when there was no connection to send the call on. */
const hasNotArrived = (error: unknown): boolean => {
  const { code, details = '' } = error as Partial<ServiceError>;
  return code === status.UNAVAILABLE && /^(No connection established|Name resolution failed)/.test(details);
};

function answerOf(error: unknown): unknown {
  const { code, details } = error as Partial<ServiceError>;
  return code === undefined ? error : new CmsError(code, details ?? '', { cause: error });
}
