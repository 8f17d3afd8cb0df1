import { harmless } from './harmless.ts';

/** Columns as wide as their content; no line ends in spaces. */
export function table(header: string[], rows: string[][]): string {
  const all = [header, ...rows].map((row) => row.map(harmless));
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] as number)).join('   ');
  return all.map((row) => line(row).trimEnd()).join('\n');
}
