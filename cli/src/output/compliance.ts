import type { ExportOrder, Hold, StatusReply } from '@linchpin/proto/chat/v1/compliance';
import type { ChainLine, FoundEvent } from '../commands/compliance.ts';
import { harmless } from './harmless.ts';
import { table } from './table.ts';

export const chainTable = (lines: readonly ChainLine[]): string =>
  table(
    ['CHAIN', 'EVENTS', 'NUMBERS', 'RESULT', 'ENDS WITH'],
    lines.map(({ scope, name, events, firstSeq, lastSeq, finding, head }) => [
      name || scope,
      String(events),
      `${firstSeq}-${lastSeq}`,
      finding === undefined ? 'whole' : `${finding.problem} at ${finding.seq}: ${finding.detail}`,
      head.slice(0, 16),
    ]),
  );

export const eventList = (found: readonly FoundEvent[]): string =>
  found
    .map(({ event: { seq, at, by, kind, scope, ...rest } }) =>
      harmless(`${at}  ${scope}/${seq}  ${by} ${kind}  ${JSON.stringify(rest)}`),
    )
    .join('\n');

export const holdTable = (holds: readonly Hold[]): string =>
  table(
    ['ID', 'FOR', 'ROOM', 'USER', 'SINCE', 'PLACED BY', 'RELEASED'],
    holds.map(({ id, name, scope, subject, since, placedBy, releasedAt, releasedBy }) => [
      id,
      name,
      scope || (subject ? 'all' : 'everything'),
      subject || '-',
      since,
      placedBy,
      releasedAt === '' ? '-' : `${releasedAt} by ${releasedBy}`,
    ]),
  );

export const orderTable = (orders: readonly ExportOrder[]): string =>
  table(
    ['ID', 'OF', 'REASON', 'ASKED BY', 'ASKED AT', 'APPROVED'],
    orders.map(({ id, room, user, scope, reason, askedBy, askedAt, approvedBy, approvedAt }) => [
      id,
      user || (room === scope ? room : `${room} (${scope})`),
      reason,
      askedBy,
      askedAt,
      approvedBy === '' ? '-' : `${approvedAt} by ${approvedBy}`,
    ]),
  );

export function complianceText(status: StatusReply): string {
  const { healthy, storeAvailable, queuedMessages, lagSeconds, earlyEvents, refusedMessages } = status;
  const lines = [
    `compliance:  ${healthy ? 'healthy' : 'not healthy: categories that require it take no posts'}`,
    `store:       ${storeAvailable ? 'available' : 'away'}`,
    `queue:       ${queuedMessages === undefined ? 'not known, NATS is away' : `${queuedMessages} messages`}`,
    `lag:         ${lagSeconds === undefined ? 'not known' : `${lagSeconds.toFixed(1)} s`}`,
    `early:       ${earlyEvents} events wait for the one before them`,
    `refused:     ${refusedMessages} messages, for people to look at`,
    `chains:      ${status.chains}`,
  ];
  const adapters = status.adapters.map(({ name, ranAt, scopesBehind }) => [
    name,
    ranAt || 'never',
    String(scopesBehind),
  ]);
  if (adapters.length === 0) return lines.join('\n');
  return `${lines.join('\n')}\n\n${table(['ADAPTER', 'RAN AT', 'ROOMS BEHIND'], adapters)}`;
}
