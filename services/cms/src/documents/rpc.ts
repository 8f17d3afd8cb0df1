// Publish and Get as they arrive by gRPC.
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { Database, Logger } from '@linchpin/host';
import type {
  GetReply,
  GetRequest,
  PublishReply,
  PublishRequest,
  Document as RpcDocument,
} from '@linchpin/proto/cms/v1/cms';
import { type Document, isKind, type Kind, kinds } from '@linchpin/topology';
import type { PoolClient } from 'pg';
import { callerName } from '../caller-name.ts';
import { CmsError, invalid } from '../cms-error.ts';
import type { Telemetry } from '../telemetry.ts';
import { readChanges, type WantedChange } from './changes.ts';
import { getOne, type Published, type PublishOptions, publish } from './documents.ts';
import { currentVersion, selectPage } from './store.ts';

export interface DocumentsParts {
  database: Database;
  /** Hands this version to NATS, or has it handed over; resolves to whether that was done. */
  push(version: number): Promise<boolean>;
  onVersion(version: number): void;
  telemetry: Telemetry;
  log: Logger;
}

type Unary<Q, A> = (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>) => Promise<void>;

export function createDocumentsRpc(parts: DocumentsParts) {
  const { database, telemetry } = parts;

  const publishRpc: Unary<PublishRequest, PublishReply> = async (call, callback) => {
    const { changes, dryRun } = call.request;
    try {
      const published = await store(readChanges(changes), { who: callerName(call), dryRun });
      const pushed = published.isNew ? await parts.push(published.version) : true;
      callback(null, { version: published.version, outcomes: published.outcomes, pushed });
    } catch (error) {
      telemetry.publishes.inc({ result: error instanceof CmsError ? 'refused' : 'failed' });
      throw error;
    }
  };

  async function store(wanted: WantedChange[], options: PublishOptions): Promise<Published> {
    const published = await database.transaction((client) => publish(client, wanted, options));
    const { version, outcomes, isNew } = published;
    telemetry.publishes.inc({ result: options.dryRun ? 'dry-run' : isNew ? 'published' : 'unchanged' });
    if (!isNew) return published;
    const documents = wanted.map(({ kind, name }, at) => `${kind}/${name} ${outcomes[at]}`).slice(0, 20);
    parts.log.info({ version, who: options.who, changes: wanted.length, documents }, 'published');
    parts.onVersion(version);
    return published;
  }

  const getRpc: Unary<GetRequest, GetReply> = async (call, callback) => {
    const { kind, name, after } = call.request;
    if (!isKind(kind) || !kinds.includes(kind)) throw invalid(`kind: must be one of ${kinds.join(', ')}`);
    const reply = await database.use(async (client) => {
      const version = await currentVersion(client);
      if (name === '') return { version, ...(await list(client, kind, after)) };
      return { version, documents: [toRpc(await getOne(client, kind, name))], next: '' };
    });
    callback(null, reply);
  };

  return { publish: publishRpc, get: getRpc };
}

const PAGE = 500;
// gRPC clients take messages of 4 MiB unless told otherwise.
const MAX_REPLY_LENGTH = 3 * 1024 * 1024;

async function list(
  client: PoolClient,
  kind: Kind,
  after: string,
): Promise<Pick<GetReply, 'documents' | 'next'>> {
  const documents: RpcDocument[] = [];
  let length = 0;
  for (let last = after; ; ) {
    const page = await selectPage(client, kind, last, PAGE);
    for (const document of page.map(toRpc)) {
      length += Buffer.byteLength(document.spec) + document.name.length + 100;
      if (length > MAX_REPLY_LENGTH && documents.length > 0) return { documents, next: last };
      documents.push(document);
      last = document.name;
    }
    if (page.length < PAGE) return { documents, next: '' };
  }
}

const toRpc = ({ kind, name, version, spec }: Document): RpcDocument => ({
  kind,
  name,
  version,
  spec: JSON.stringify(spec),
});
