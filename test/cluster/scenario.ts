import type { Report } from '../clients/ledger.ts';
import { isClean } from '../clients/report-text.ts';
import type { Lab } from './lab.ts';

/** One line of the table. */
export interface Row {
  step: string;
  ok: boolean;
  /** What was measured, with its unit; for one that failed, why. */
  measured: string;
  requests?: number;
  /** What a person at a client would have seen fail. */
  failed?: number;
  /** Acknowledged messages that never arrived. */
  lost?: number;
  /** Milliseconds that one client was without service. */
  longest?: number;
  /** The whole books of the load, shown where a row failed. */
  report?: Report;
}

export interface Result {
  name: string;
  rows: Row[];
  seconds: number;
}

/** A file of `scenarios/`; its name is the sentence that it shows to hold. */
export interface Scenario {
  run(lab: Lab, note: (row: Row) => void): Promise<void>;
}

/** Throws with `what` where something that has to hold does not. */
export function assert(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export function rowOf(step: string, measured: string, report: Report, longestAllowed = Infinity): Row {
  const longest = report.outages.longest?.milliseconds ?? 0;
  return {
    step,
    ok: isClean(report) && longest <= longestAllowed,
    measured,
    requests: Object.values(report.requests).reduce((sum, count) => sum + count, 0),
    failed: report.failures.length,
    lost: report.messages.lost.length,
    longest,
    report,
  };
}

const cells = ({ step, ok, measured, requests, failed, lost, longest }: Row): string[] => [
  step,
  ok ? 'passed' : '**failed**',
  measured.split('\n')[0]?.replaceAll('|', '\\|') ?? '',
  ...[requests, failed, lost].map((count) => (count === undefined ? '' : String(count))),
  longest === undefined ? '' : `${(longest / 1000).toFixed(1)} s`,
];

const COLUMNS = ['Step', 'Result', 'Measured', 'Requests', 'Failed', 'Lost', 'Longest without service'];

/** Columns that say nothing are left out. */
function markdown(rows: readonly Row[]): string[] {
  const all = [COLUMNS, ...rows.map(cells)];
  const used = COLUMNS.map((_, column) => all.slice(1).some((row) => row[column] !== ''));
  const line = (row: string[]): string => `| ${row.filter((_, column) => used[column]).join(' | ')} |`;
  const [head = [], ...body] = all;
  return [line(head), line(head.map(() => '---')), ...body.map(line)];
}

export const sentence = (name: string): string => {
  const words = name.replaceAll('-', ' ').replace('postgresql', 'PostgreSQL').replace('nats', 'NATS');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Markdown, for docs/operations.md. */
export function tableOf(results: readonly Result[]): string {
  return results
    .map(({ name, rows, seconds }) =>
      [`### ${sentence(name)}`, '', ...markdown(rows), '', `${Math.round(seconds)} s in all.`].join('\n'),
    )
    .join('\n\n');
}

export const rowText = (row: Row): string => {
  const [step, , measured, requests, failed, lost, longest] = cells(row);
  const counts =
    requests === '' ? '' : `; ${requests} requests, ${failed} failed, ${lost} lost, longest ${longest}`;
  return `${row.ok ? 'passed' : 'FAILED'}  ${step}: ${measured}${counts}`;
};
