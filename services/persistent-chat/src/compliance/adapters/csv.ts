// RFC 4180, for people with a spreadsheet: nothing that somebody wrote in a room may become a formula there.
import { parseStored } from '../event.ts';
import type { EventRow } from '../store-rows.ts';
import type { AdapterBatch } from './adapter.ts';

export const CSV_COLUMNS = [
  'scope',
  'room',
  'seq',
  'at',
  'kind',
  'by',
  'post',
  'subject',
  'body',
  'more',
  'hash',
] as const;

export const toCsv = ({ scope, name, events }: AdapterBatch): string =>
  [CSV_COLUMNS as readonly string[], ...events.map((row) => fields(scope, name, row))]
    .map((line) => `${line.map(cell).join(',')}\r\n`)
    .join('');

function fields(scope: string, name: string, { event, hash }: EventRow): string[] {
  const { seq, at, kind, by, ...rest } = parseStored(event) as unknown as Record<string, unknown>;
  const { post = '', subject = '', body = '', scope: _, ...more } = rest;
  const values = [
    scope,
    name,
    seq,
    at,
    kind,
    by,
    post,
    subject,
    body,
    JSON.stringify(more),
    hash.toString('hex'),
  ];
  return values.map(String);
}

// What spreadsheets take for the beginning of a formula, also in full width, after spaces, and after what they do not show. An
// apostrophe before it makes text of it; cells that begin with one get a second, so that the first can be taken off again.
const FORMULA = /^[\s\p{C}]*[=+\-@\uff1d\uff0b\uff0d\uff20']|^[\t\r\n]/u;

const cell = (value: string): string => {
  const shown = value.replaceAll('\0', '\ufffd').toWellFormed();
  return `"${(FORMULA.test(value) ? `'${shown}` : shown).replaceAll('"', '""')}"`;
};
