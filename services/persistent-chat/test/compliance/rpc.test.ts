// What auditors ask, over gRPC with mutual TLS.
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import { createHealth, createLog, createRpcClient, createRpcServer, type RpcServer } from '@linchpin/host';
import {
  type ChainReport,
  ComplianceClient,
  ComplianceService,
  type ExportChunk,
  type ExportOrder,
  type Hold,
  type ListExportRequestsReply,
  type ListHoldsReply,
  type QueryReply,
  type StatusReply,
} from '@linchpin/proto/chat/v1/compliance';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verifyExport } from '../../src/compliance/export/verify-export.ts';
import {
  type ComplianceRig,
  createComplianceRig,
  newScope,
  type Pod,
  type PodOptions,
  post,
  posts,
  temporary,
  until,
} from './rig.ts';

let rig: ComplianceRig;
let scope: string;
let pod: Pod;
let server: RpcServer;
let client: ComplianceClient;

beforeAll(async () => {
  rig = await createComplianceRig();
});
afterAll(() => rig.close());
async function serve(options: PodOptions = {}): Promise<void> {
  pod = await rig.pod(options);
  const mtls = await rig.lab.mtls('persistent-chat');
  const log = createLog({ name: 'p', role: 'persistent-chat', level: 'silent' });
  server = createRpcServer({ address: '127.0.0.1', port: 0, mtls, health: createHealth(), log });
  server.addService(ComplianceService, { ...pod.compliance.handlers }, { allow: ['admin', 'cms'] });
  await server.listen();
  client = await clientAs('admin', 'auditor');
}
beforeEach(async () => {
  client?.close();
  await server?.stop(0);
  await rig.reset();
  scope = newScope();
  await serve();
  await rig.publish(scope, { ...post(scope, 1), kind: 'room-created', name: 'Sales', change: {} } as never);
  await rig.publish(scope, ...posts(scope, 2, 3000));
  await rig.stored(3000);
});
afterAll(async () => {
  client.close();
  await server.stop(0);
});

const clientAs = async (role: string, name = `${role}-0`): Promise<ComplianceClient> =>
  createRpcClient(
    ComplianceClient,
    `127.0.0.1:${server.port}`,
    'persistent-chat',
    await rig.lab.mtls(role, name),
  );

type Methods = Record<
  string,
  (request: object, callback: (error: Error | null, reply: unknown) => void) => void
>;

function ask<A>(method: string, request: object, by = client): Promise<A> {
  const call = (by as unknown as Methods)[method]?.bind(by);
  if (call === undefined) throw new Error(`there is no ${method}`);
  return promisify(call)(request) as Promise<A>;
}

const nothing = { scope: '', by: '', from: '', to: '', kinds: [], text: '', limit: 0, after: '', reason: '' };
const question = (asked: object): Promise<QueryReply> => ask('query', { ...nothing, ...asked });

async function reports(request: object): Promise<ChainReport[]> {
  const all: ChainReport[] = [];
  const call = client.verify({ scope: '', anchors: [], reason: '', ...request });
  for await (const report of call) all.push(report);
  return all;
}

async function exportTo(request: object, by = client): Promise<string> {
  const file = `${temporary(rig.lab, 'rpc')}.tar`;
  const call = by.export({ room: '', user: '', reason: '', order: '', ...request });
  const bytes = async function* () {
    for await (const chunk of call) yield (chunk as ExportChunk).data;
  };
  await pipeline(bytes, createWriteStream(file));
  return file;
}

describe('the gRPC service', () => {
  test('verifies one room or all, and says which event was altered', async () => {
    const other = newScope();
    await rig.publish(other, post(other, 1));
    await rig.stored(3001);
    const whole = await reports({ scope: 'sales' });
    expect(whole).toMatchObject([
      { scope, name: 'Sales', firstSeq: 1, lastSeq: 3000, events: 3000, finding: undefined },
    ]);
    await rig.sql(
      "UPDATE events SET event = replace(event, 'message 2000', 'message 2001') WHERE seq = 2000",
    );
    const all = await reports({});
    expect(all.map(({ scope: id, finding }) => [id, finding?.seq ?? 0]).sort()).toEqual(
      [
        [scope, 2000],
        [other, 0],
        ['audit', 0],
        ['legal-holds', 0],
      ].sort(),
    );
    const anchors = [{ scope: other, seq: 1, hash: Buffer.alloc(32, 7) }];
    const [anchored] = await reports({ scope: other, anchors });
    expect(anchored?.finding).toMatchObject({ problem: 'altered', seq: 1 });
    await expect(reports({ scope: newScope() })).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(
      reports({ anchors: [{ scope: other, seq: 1, hash: Buffer.alloc(3) }] }),
    ).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test('answers in pages, each of which is in the audit', async () => {
    let [after, total] = ['', 0];
    do {
      const page: QueryReply = await question({ scope: 'Sales', after, reason: 'case 7' });
      expect(JSON.parse(page.events[0]?.event ?? '').seq).toBe(total + 1);
      total += page.events.length;
      after = page.next;
    } while (after !== '');
    expect(total).toBe(3000);
    const audit = await rig.sql("SELECT by, detail->>'reason' AS reason FROM audit WHERE action = 'query'");
    expect(audit).toEqual(Array(3).fill({ by: 'auditor', reason: 'case 7' }));
    await expect(question({ from: 'last week' })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  test('exports in a stream that proves itself', async () => {
    expect(await verifyExport(await exportTo({ room: 'Sales' }))).toMatchObject({
      problems: [],
      events: 3000,
    });
    expect(await verifyExport(await exportTo({ user: 'alice@contoso.lab' }))).toMatchObject({
      problems: [],
      events: 3000,
    });
    await expect(exportTo({ room: 'nowhere' })).rejects.toMatchObject({ code: status.NOT_FOUND });
    await rig.sql('DELETE FROM events WHERE seq = 2500');
    await expect(exportTo({ room: 'Sales' })).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });

  test('exports with four eyes only what another administrator has approved', async () => {
    client.close();
    await server.stop(0);
    await serve({ fourEyes: true });
    const other = await clientAs('admin', 'colleague');
    await expect(exportTo({ room: 'Sales' })).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    const request = { room: 'Sales', user: '', reason: 'case 11', order: '' };
    const wanted = await ask<ExportOrder>('requestExport', request);
    expect(wanted).toMatchObject({ room: 'Sales', askedBy: 'auditor', approvedBy: '' });
    const order = { order: wanted.id };
    await expect(exportTo(order)).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await expect(ask('approveExport', { id: wanted.id })).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    const approved = await ask<ExportOrder>('approveExport', { id: wanted.id }, other);
    expect(approved.approvedBy).toBe('colleague');
    expect(await ask<ListExportRequestsReply>('listExportRequests', {})).toEqual({ orders: [approved] });
    await expect(exportTo(order, other)).rejects.toMatchObject({ code: status.NOT_FOUND });
    const check = await verifyExport(await exportTo(order));
    expect(check).toMatchObject({
      problems: [],
      events: 3000,
      manifest: { by: 'auditor', reason: 'case 11' },
    });
    await rig.sql("UPDATE export_requests SET approved_at = approved_at - interval '25 hours'");
    await expect(exportTo(order)).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await expect(ask('requestExport', { ...request, reason: '' })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    const audit = await rig.sql('SELECT by, action FROM audit ORDER BY id');
    expect(audit.map(({ by, action }) => `${by} ${action}`)).toEqual([
      'auditor request-export',
      'auditor approve-export',
      'colleague approve-export',
      'auditor export',
      'auditor exported',
    ]);
    other.close();
  });

  test('exports with four eyes what had the name when it was asked for, whatever has it by then', async () => {
    client.close();
    await server.stop(0);
    await serve({ fourEyes: true });
    const colleague = await clientAs('admin', 'colleague');
    const request = { room: 'Sales', user: '', reason: 'case 12', order: '' };
    const wanted = await ask<ExportOrder>('requestExport', request);
    expect(wanted).toMatchObject({ room: 'Sales', scope });
    await ask('approveExport', { id: wanted.id }, colleague);
    const named = (id: string, seq: number, kind: string, name: string) =>
      ({ ...post(id, seq), kind, name, change: {} }) as never;
    const other = newScope();
    await rig.publish(scope, named(scope, 3001, 'room-changed', 'Old sales'));
    await rig.publish(other, named(other, 1, 'room-created', 'Sales'));
    await rig.stored(3002);
    const { problems, manifest } = await verifyExport(await exportTo({ order: wanted.id }));
    expect(problems).toEqual([]);
    expect(manifest?.scopes).toMatchObject([{ scope, name: 'Old sales', events: 3001 }]);
    await expect(ask('requestExport', { ...request, room: 'nowhere' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    await rig.sql('UPDATE export_requests SET of_scope = NULL');
    await expect(exportTo({ order: wanted.id })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('ask again'),
    });
    colleague.close();
  });

  test('tells one administrator alone who did what with four eyes, and not what was said', async () => {
    client.close();
    await server.stop(0);
    await serve({ fourEyes: true });
    const file = { id: newScope(), name: 'salaries.xlsx', bytes: 7, type: 'x/y', sha256: '00' };
    await rig.publish(scope, { ...post(scope, 3001), kind: 'upload', file } as never);
    await rig.stored(3001);
    const { events } = await question({ scope, kinds: ['post', 'upload'], from: post(scope, 3000).at });
    expect(events.map(({ event }) => JSON.parse(event))).toEqual([
      {
        ...{ scope, seq: 3000, at: post(scope, 3000).at, kind: 'post', by: 'alice@contoso.lab' },
        withheld: ['body', 'clientId', 'files', 'mentions'],
      },
      {
        ...{ scope, seq: 3001, at: post(scope, 3001).at, kind: 'upload', by: 'alice@contoso.lab' },
        file: { id: file.id, bytes: 7, type: 'x/y' },
        withheld: expect.arrayContaining(['body', 'file.name', 'file.sha256']),
      },
    ]);
    expect(events.map(({ hash }) => hash.length)).toEqual([0, 0]);
    // Words that find something would tell what was said as well.
    await expect(question({ text: 'message 7' })).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
  });

  test('stops an export that nobody reads any more', async () => {
    const call = client.export({ room: 'Sales', user: '', reason: '', order: '' });
    await new Promise((resolve) => call.once('data', resolve));
    call.on('error', () => {});
    call.cancel();
    await until(async () => (await rig.sql("SELECT FROM audit WHERE action = 'export'")).length === 1);
    expect(await verifyExport(await exportTo({ room: 'Sales' }))).toMatchObject({ problems: [] });
  });

  test('places, lists and releases holds', async () => {
    const held = await ask<Hold>('placeHold', { name: 'case 8', scope: 'sales', subject: '' });
    expect(held).toMatchObject({ name: 'case 8', scope, subject: '', placedBy: 'auditor', releasedAt: '' });
    expect(await pod.compliance.isHeld(scope)).toBe(true);
    const list = (withReleased: boolean) => ask<ListHoldsReply>('listHolds', { withReleased });
    expect((await list(false)).holds).toEqual([held]);
    expect((await ask<Hold>('releaseHold', { id: held.id, reason: 'closed' })).releasedBy).toBe('auditor');
    expect([(await list(false)).holds.length, (await list(true)).holds.length]).toEqual([0, 1]);
    await expect(ask('releaseHold', { id: held.id, reason: '' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    await expect(ask('releaseHold', { id: 'x', reason: '' })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    await expect(ask('placeHold', { name: ' ', scope: '', subject: '' })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test('places no hold on what there is not, and was not', async () => {
    client.close();
    await server.stop(0);
    const young = newScope();
    await serve({
      policies: new Map([[young, { retentionDays: undefined, legalHold: false, category: undefined }]]),
    });
    const on = (what: string) => ask<Hold>('placeHold', { name: 'case 9', scope: what, subject: '' });
    for (const what of ['Slaes', newScope(), 'x'])
      await expect(on(what)).rejects.toMatchObject({
        code: status.NOT_FOUND,
        details: expect.stringContaining(
          `nothing is held: there is no room or category ${JSON.stringify(what)}`,
        ),
      });
    expect((await ask<ListHoldsReply>('listHolds', { withReleased: true })).holds).toEqual([]);
    // Deleted, and known to compliance; made this moment, and not known to it yet.
    expect(await on(scope.toUpperCase())).toMatchObject({ scope });
    expect(await on(young)).toMatchObject({ scope: young });
    expect(await pod.compliance.isHeld(young)).toBe(true);
  });

  test('tells how it is, and says so too while the store is away', async () => {
    await until(async () => pod.compliance.healthy() && (await pod.compliance.status()).queuedMessages === 0);
    expect(await ask<StatusReply>('status', {})).toMatchObject({
      healthy: true,
      storeAvailable: true,
      queuedMessages: 0,
      earlyEvents: 0,
      refusedMessages: 0,
      chains: 1,
    });
    await rig.lab.postgres.stop();
    await until(() => !pod.database.available);
    expect(await ask<StatusReply>('status', {})).toMatchObject({ healthy: false, storeAvailable: false });
    await expect(question({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect(reports({})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await rig.lab.postgres.start();
    await until(() => pod.compliance.healthy());
  });

  test('is for administrators only', async () => {
    const frontend = await clientAs('frontend');
    await expect(ask('status', {}, frontend)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    frontend.close();
  });
});
