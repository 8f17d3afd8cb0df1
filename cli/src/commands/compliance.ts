import { open, readFile, rename, rm } from 'node:fs/promises';
import type { Anchor, ChainReport, ExportOrder, Hold, StatusReply } from '@linchpin/proto/chat/v1/compliance';
import { CliError, EXIT } from '../cli-error.ts';
import { principal } from '../management/chat-settings.ts';
import { domainOf, withCms } from '../management/cms.ts';
import { type QueryOptions, withCompliance } from '../management/compliance.ts';
import type { Site } from '../management/site.ts';

export interface ComplianceTarget {
  site: Site;
  pod?: string | undefined;
}

/** As programs read it: hashes are hex. */
export interface ChainLine {
  scope: string;
  name: string;
  firstSeq: number;
  lastSeq: number;
  events: number;
  head: string;
  /** Undefined: all is as it was written. */
  finding?: { problem: string; seq: number; detail: string };
}

export const complianceStatus = ({ site, pod }: ComplianceTarget): Promise<StatusReply> =>
  withCompliance(site, pod, (compliance) => compliance.status());

/** `manifest`: `manifest.json` of an export that was kept elsewhere, whose hashes the chains have to have. */
export async function verify(
  { site, pod }: ComplianceTarget,
  scope: string,
  manifest: string | undefined,
  reason: string,
  onLine: (line: ChainLine) => void,
): Promise<ChainLine[]> {
  const anchors = manifest === undefined ? [] : await anchorsOf(manifest);
  const lines: ChainLine[] = [];
  await withCompliance(site, pod, (compliance) =>
    compliance.verify(scope, anchors, reason, (report) => {
      const line = lineOf(report);
      lines.push(line);
      onLine(line);
    }),
  );
  return lines;
}

const lineOf = ({ head, finding, ...report }: ChainReport): ChainLine => ({
  ...report,
  head: head.toString('hex'),
  ...(finding && { finding }),
});

async function anchorsOf(path: string): Promise<Anchor[]> {
  try {
    const { scopes, audit } = JSON.parse(await readFile(path, 'utf8')) as {
      scopes: { scope: string; headSeq: number; headHash: string }[];
      audit?: { seq: number; hash: string };
    };
    const ends = scopes.map(({ scope, headSeq: seq, headHash: hash }) => ({ scope, seq, hash }));
    return [...ends, ...(audit ? [{ scope: 'audit', ...audit }] : [])].map(({ hash, ...end }) => ({
      ...end,
      hash: Buffer.from(hash, 'hex'),
    }));
  } catch (cause) {
    throw new CliError(`${path} is no manifest of an export: ${(cause as Error).message}`, EXIT.usage, {
      cause,
    });
  }
}

export interface FoundEvent {
  /** See proto/chat-events.ts. */
  event: Record<string, unknown>;
  hash: string;
}

export async function query({ site, pod }: ComplianceTarget, options: QueryOptions): Promise<FoundEvent[]> {
  const by = options.by?.startsWith('admin:') ? options.by : await userOf(site, options.by);
  const events = await withCompliance(site, pod, (compliance) => compliance.query({ ...options, by }));
  return events.map(({ event, hash }) => ({ event: JSON.parse(event), hash: hash.toString('hex') }));
}

export interface ExportOptions {
  room?: string | undefined;
  user?: string | undefined;
  /** The id of an order that another administrator has approved. */
  order?: string | undefined;
  /** The archive: a file that is not there yet. */
  to: string;
  reason: string;
}

/** Resolves with the archive's bytes; a file that is there is whole. */
export async function exportArchive(
  { site, pod }: ComplianceTarget,
  { room, user, order, to, reason }: ExportOptions,
): Promise<number> {
  const of = order === undefined ? await wanted(site, room, user) : { order };
  const draft = `${to}.new`;
  const file = await open(draft, 'w', 0o600).catch((cause: Error) => {
    throw new CliError(`Cannot write ${to}: ${cause.message}`, EXIT.usage, { cause });
  });
  let bytes = 0;
  try {
    await withCompliance(site, pod, (compliance) =>
      compliance.export(of, reason, async (data) => {
        await file.writeFile(data);
        bytes += data.length;
      }),
    );
    await file.sync();
    await rename(draft, to);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return bytes;
}

async function wanted(
  site: Site,
  room: string | undefined,
  user: string | undefined,
): Promise<{ room: string } | { user: string }> {
  const name = await userOf(site, user);
  if (room !== undefined && name === undefined) return { room };
  if (room === undefined && name !== undefined) return { user: name };
  throw new CliError('Of what? Give --room or --user.', EXIT.usage);
}

/** Asks for an export where the configuration says that another administrator has to approve it. */
export async function orderExport(
  { site, pod }: ComplianceTarget,
  { room, user, reason }: Pick<ExportOptions, 'room' | 'user' | 'reason'>,
): Promise<ExportOrder> {
  const of = await wanted(site, room, user);
  return withCompliance(site, pod, (compliance) => compliance.order(of, reason));
}

export const orders = ({ site, pod }: ComplianceTarget): Promise<ExportOrder[]> =>
  withCompliance(site, pod, (compliance) => compliance.orders());

export const approve = ({ site, pod }: ComplianceTarget, id: string): Promise<ExportOrder> =>
  withCompliance(site, pod, (compliance) => compliance.approve(id));

export const holds = ({ site, pod }: ComplianceTarget, withReleased: boolean): Promise<Hold[]> =>
  withCompliance(site, pod, (compliance) => compliance.holds(withReleased));

/** `room` and `subject`: what the hold is on; everything where neither is given. */
export async function placeHold(
  { site, pod }: ComplianceTarget,
  name: string,
  { room = '', subject }: { room?: string | undefined; subject?: string | undefined },
): Promise<Hold> {
  const user = (await userOf(site, subject)) ?? '';
  return withCompliance(site, pod, (compliance) => compliance.placeHold(name, room, user));
}

export const releaseHold = ({ site, pod }: ComplianceTarget, id: string, reason: string): Promise<Hold> =>
  withCompliance(site, pod, (compliance) => compliance.releaseHold(id, reason));

async function userOf(site: Site, name: string | undefined): Promise<string | undefined> {
  if (name === undefined) return undefined;
  const domain = site.domain ?? (await withCms(site, (cms) => domainOf(site, cms)));
  return principal(name, domain, 'user');
}
