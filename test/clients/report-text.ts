import type { Report } from './ledger.ts';

const ms = (value: number): string => `${Math.round(value)} ms`;

/** Nothing that a person would have noticed. */
export const isClean = ({ failures, messages, presence }: Report): boolean =>
  failures.length + messages.lost.length + messages.duplicatedByServer.length + presence.stale.length === 0;

/** For people: one screen, worst first. */
export function reportText(report: Report): string {
  const { failures, messages, presence, outages, requests } = report;
  const longest = outages.longest;
  const lines = [
    `${report.users} users, ${report.seconds.toFixed(1)} s: ${Object.entries(requests)
      .map(([what, count]) => `${count} ${what}`)
      .join(', ')}`,
    `seen to fail: ${failures.length}`,
    ...failures
      .slice(0, 20)
      .map(
        ({ at, what, user, why, attempts, callId, milliseconds }) =>
          `  ${at} ${what} of ${user}: ${why} (${attempts} attempts, ${ms(milliseconds)}, Call-ID ${callId})`,
      ),
    `messages: ${messages.sent} sent, ${messages.acknowledged} acknowledged, ${messages.lost.length} of them lost, ${messages.duplicatedByServer.length} doubled by the server, ${messages.duplicatedByRetry} by a retry`,
    ...messages.lost
      .slice(0, 10)
      .map(({ id, from, to, callId }) => `  lost: ${id} from ${from} to ${to}, Call-ID ${callId}`),
    ...messages.duplicatedByServer
      .slice(0, 10)
      .map(({ id, from, to, callId }) => `  doubled: ${id} from ${from} to ${to}, Call-ID ${callId}`),
    `presence: ${presence.published} published, ${presence.notified} notes told, ${presence.stale.length} not told at the end, ${presence.dialogsRenewed} dialogs begun anew, ${presence.publicationsLost} publications lost, ${presence.outOfOrder} NOTIFY out of order`,
    ...presence.stale
      .slice(0, 10)
      .map(
        ({ watcher, target, expected, seen }) =>
          `  not told: ${watcher} of ${target}, has ${seen}, is ${expected}`,
      ),
    `reconnects: ${report.reconnects}; losses of service: ${outages.count}${
      longest === undefined
        ? ''
        : `, the longest ${ms(longest.milliseconds)} (${longest.user} from ${longest.at}: ${longest.why})`
    }`,
    ...Object.entries(report.latency).map(
      ([what, { p50, p99, max }]) => `${what}: p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`,
    ),
    ...Object.entries(report.setbacks)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 15)
      .map(([what, count]) => `tried again ${count}×: ${what}`),
  ];
  return lines.join('\n');
}
