import { expect } from 'vitest';
import type { Report } from '../clients/ledger.ts';
import { reportText } from '../clients/report-text.ts';
import type { PoolLab } from './pool.ts';

/** Prints what a load has seen, and holds it against what people were promised. */
export function expectNobodyNoticed(title: string, report: Report, pool: PoolLab): void {
  const { failures, messages, presence } = report;
  const said = failures.flatMap(({ callId }) => pool.logOf(callId));
  console.log([title, reportText(report), ...said, ''].join('\n'));
  expect({
    failures,
    lost: messages.lost,
    doubled: messages.duplicatedByServer,
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
