// What auditors ask, as it arrives by gRPC.
import { once } from 'node:events';
import {
  status as grpcStatus,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type {
  ChainReport as ChainReportMessage,
  ComplianceServer,
  ExportChunk,
  ExportRequest,
  Hold as HoldMessage,
  ExportOrder as OrderMessage,
  QueryRequest,
  StatusReply,
  StoredEvent,
  VerifyRequest,
} from '@linchpin/proto/chat/v1/compliance';
import { ChatError, type ChatErrorCode } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { audit } from './audit.ts';
import { isScope } from './event.ts';
import { type ExportOrder, exportArchive } from './export/export.ts';
import { approvedOrder, approveExport, listOrders, type Order, requestExport } from './export/orders.ts';
import { type Hold, heldScope, listHolds, placeHold, releaseHold } from './holds.ts';
import { metadataOf } from './metadata.ts';
import { type ComplianceQuery, findScope, query } from './query.ts';
import type { ScopePolicy } from './retention.ts';
import type { EventRow } from './store-rows.ts';
import { type Anchor, type ChainReport, verifyAll, verifyScope } from './verify.ts';
import { AUDIT, verifyAudit } from './verify-audit.ts';

export interface ComplianceRpcParts {
  /** Undefined: none is configured. */
  database: Database | undefined;
  /** What people said is for two administrators together: one asks for an export, another one approves it. */
  fourEyes: boolean;
  /** Of those that there are. */
  policies(scopes: readonly string[]): Promise<ReadonlyMap<string, ScopePolicy>>;
  /** Who asks, as the audit shall have it. */
  administrator(call: unknown): string;
  status(): Promise<StatusReply>;
}

export type ComplianceHandlers = Pick<ComplianceServer, keyof ComplianceServer>;

const CHUNK_BYTES = 256 * 1024;

export function createComplianceRpc(parts: ComplianceRpcParts): ComplianceHandlers {
  const who = (call: unknown): string => parts.administrator(call);

  function store(): Database {
    if (parts.database === undefined) throw new ChatError('unavailable', 'no compliance store is configured');
    return parts.database;
  }

  const exists = async (scope: string): Promise<boolean> => (await parts.policies([scope])).has(scope);

  async function verify(call: ServerWritableStream<VerifyRequest, ChainReportMessage>): Promise<void> {
    const { scope, reason } = call.request;
    const anchors = call.request.anchors.map(readAnchor);
    await audit(store(), who(call), 'verify', { scope, anchors: anchors.length, reason });
    if (scope === '') return pour(call, toReports(verifyAll(store(), anchors)));
    const id = isScope(scope) ? scope : (await store().use((client) => findScope(client, scope))).scope;
    const report = await verifyScope(store(), id, anchors);
    if (report === undefined)
      throw new ChatError('not-found', `compliance knows no room or category ${scope}`);
    // Where the front of the chain is cut off, the audit is what says that this was retention.
    const ofAudit = report.firstSeq > 1 ? [await verifyAudit(store(), anchors)] : [];
    return pour(call, toReports([report, ...ofAudit]));
  }

  async function exportTo(call: ServerWritableStream<ExportRequest, ExportChunk>): Promise<void> {
    const wanted = await wantedExport(call.request, who(call));
    return pour(call, chunks(exportArchive(store(), who(call), wanted)));
  }

  async function wantedExport(request: ExportRequest, by: string): Promise<ExportOrder> {
    if (request.order !== '') return approvedOrder(store(), by, idOf('order', request.order));
    if (parts.fourEyes)
      throw new ChatError('conflict', 'another administrator has to approve an export: request it first');
    return request;
  }

  return {
    verify: answering(verify),
    export: answering(exportTo),
    requestExport: unary(async (call) => toOrder(await requestExport(store(), who(call), call.request))),
    approveExport: unary(async (call) =>
      toOrder(await approveExport(store(), who(call), idOf('id', call.request.id))),
    ),
    listExportRequests: unary(async () => ({ orders: (await listOrders(store())).map(toOrder) })),
    query: unary(async (call) => {
      if (parts.fourEyes && call.request.text !== '')
        throw new ChatError(
          'conflict',
          'text: looking for words takes an export that another administrator approves',
        );
      const { events, next = '' } = await query(store(), who(call), readQuery(call.request));
      return { events: events.map(parts.fourEyes ? toMetadata : toStored), next };
    }),
    placeHold: unary(async (call) => {
      const { name, scope, subject } = call.request;
      if (name.trim() === '' || name.length > 256) throw invalid('name: must say what the hold is for');
      if (subject.length > 512) throw invalid('subject: must be a user');
      const id = scope === '' ? undefined : await heldScope(store(), scope, exists);
      const hold = { name, scope: id, subject: subject || undefined };
      return toHold(await placeHold(store(), who(call), hold));
    }),
    releaseHold: unary(async (call) => {
      const { id, reason } = call.request;
      const hold = await releaseHold(store(), who(call), idOf('id', id), reason);
      if (hold === undefined) throw new ChatError('not-found', `there is no hold ${id} that is not released`);
      return toHold(hold);
    }),
    listHolds: unary(async (call) => {
      await audit(store(), who(call), 'list-holds', call.request);
      const holds = await store().use((client) => listHolds(client, call.request.withReleased));
      return { holds: holds.map(toHold) };
    }),
    status: unary(() => parts.status()),
  };
}

function unary<Q, A>(answer: (call: ServerUnaryCall<Q, A>) => Promise<A>) {
  return answering(async (call: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>): Promise<void> => {
    callback(null, await answer(call));
  });
}

/** The one place where an error of this capability becomes an answer. */
function answering<A extends unknown[]>(handler: (...given: A) => Promise<void>) {
  return async (...given: A): Promise<void> => {
    try {
      await handler(...given);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      throw { code: CODES[error.code], details: error.message };
    }
  };
}

const CODES: Record<ChatErrorCode, grpcStatus> = {
  invalid: grpcStatus.INVALID_ARGUMENT,
  'not-found': grpcStatus.NOT_FOUND,
  forbidden: grpcStatus.PERMISSION_DENIED,
  conflict: grpcStatus.FAILED_PRECONDITION,
  'too-large': grpcStatus.RESOURCE_EXHAUSTED,
  limit: grpcStatus.RESOURCE_EXHAUSTED,
  full: grpcStatus.RESOURCE_EXHAUSTED,
  unavailable: grpcStatus.UNAVAILABLE,
};

/** As fast as the caller reads; ends when the caller is gone. */
async function pour<A>(
  call:
    | ServerWritableStream<never, A>
    | ServerWritableStream<VerifyRequest, A>
    | ServerWritableStream<ExportRequest, A>,
  messages: AsyncIterable<A>,
): Promise<void> {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  for await (const message of messages) {
    if (call.cancelled) return;
    if (!call.write(message)) await once(call, 'drain', { signal: gone.signal }).catch(() => {});
  }
  call.end();
}

async function* toReports(
  reports: Iterable<ChainReport> | AsyncIterable<ChainReport>,
): AsyncGenerator<ChainReportMessage> {
  for await (const report of reports) yield { ...report, finding: report.finding };
}

async function* chunks(archive: AsyncIterable<Buffer>): AsyncGenerator<ExportChunk> {
  for await (const bytes of archive)
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
      yield { data: bytes.subarray(at, at + CHUNK_BYTES) };
}

function idOf(field: string, text: string): string {
  if (!isScope(text)) throw invalid(`${field}: must be an id`);
  return text;
}

const invalid = (message: string): ChatError => new ChatError('invalid', message);

function readAnchor({ scope, seq, hash }: { scope: string; seq: number; hash: Uint8Array }): Anchor {
  if ((!isScope(scope) && scope !== AUDIT) || hash.length !== 32)
    throw invalid(`anchors: each needs the id of a scope, or "${AUDIT}", and 32 bytes`);
  return { scope, seq, hash: Buffer.from(hash) };
}

function readQuery({ from, to, limit, ...rest }: QueryRequest): ComplianceQuery {
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value.length > 0));
  return {
    ...given,
    ...(from !== '' && { from: readTime('from', from) }),
    ...(to !== '' && { to: readTime('to', to) }),
    ...(limit > 0 && { limit }),
  };
}

function readTime(field: string, text: string): Date {
  const time = new Date(/^\d{4}-\d\d-\d\dT/.test(text) ? text : Number.NaN);
  if (Number.isNaN(time.getTime())) throw invalid(`${field}: must be a time as 2026-01-31T12:00:00Z`);
  return time;
}

const toStored = ({ event, hash }: EventRow): StoredEvent => ({ event, hash });

/** Without its hash: whoever guesses what was said could try it. */
const toMetadata = ({ event }: EventRow): StoredEvent => ({
  event: metadataOf(event),
  hash: Buffer.alloc(0),
});

const toOrder = (order: Order): OrderMessage => ({
  ...order,
  scope: order.scope ?? '',
  askedAt: order.askedAt.toISOString(),
  approvedBy: order.approvedBy ?? '',
  approvedAt: order.approvedAt?.toISOString() ?? '',
});

const toHold = (hold: Hold): HoldMessage => ({
  id: hold.id,
  name: hold.name,
  scope: hold.scope ?? '',
  subject: hold.subject ?? '',
  since: hold.since.toISOString(),
  placedBy: hold.placedBy,
  releasedAt: hold.releasedAt?.toISOString() ?? '',
  releasedBy: hold.releasedBy ?? '',
});
