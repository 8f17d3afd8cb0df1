import { expect } from 'vitest';
import type { Report } from '../clients/ledger.ts';
import { reportText } from '../clients/report-text.ts';
import type { PoolLab } from './pool.ts';

/** Messages that a pod may have in hand at the load of these tests. */
const MOST_IN_HAND = 2;

/**
 * Prints what a load has seen, and holds it against what people were promised. Who is killed between doing and answering had not
 * acknowledged: that is done once more, rather than never.
 */
export function expectNobodyNoticed(title: string, report: Report, pool: PoolLab, killed = 0): void {
  const { failures, messages, presence } = report;
  const said = failures.flatMap(({ callId }) => pool.logOf(callId));
  console.log([title, reportText(report), ...said, ''].join('\n'));
  expect({
    failures,
    lost: messages.lost,
    doubled:
      killed > 0 ? messages.duplicatedByServer.slice(MOST_IN_HAND * killed) : messages.duplicatedByServer,
    stale: presence.stale,
    outOfOrder: presence.outOfOrder,
  }).toEqual({ failures: [], lost: [], doubled: [], stale: [], outOfOrder: 0 });
}

/** State that was acknowledged is there afterwards: dialogs go on, and entity tags are known. */
export function expectStateKept({ presence, setbacks }: Report): void {
  // Of a PUBLISH whose answer was lost, the client does not know the entity tag (RFC 3903 4).
  const unanswered = Object.entries(setbacks)
    .filter(([what]) => /^publish: (timeout|transport)/.test(what))
    .reduce((sum, [, count]) => sum + count, 0);
  expect(presence.dialogsRenewed).toBe(0);
  expect(presence.publicationsLost).toBeLessThanOrEqual(unanswered);
}
