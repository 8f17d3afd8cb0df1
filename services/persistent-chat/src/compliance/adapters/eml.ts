// A journal message (RFC 5322) with the events of a room: a transcript to read, and the events themselves as they were hashed.
import { parseStored } from '../event.ts';
import type { EventRow } from '../store-rows.ts';
import { type AdapterBatch, lastOf } from './adapter.ts';
import { toNdjson } from './ndjson.ts';

export interface Mail {
  from: string;
  to: string;
}

/** The same bytes each time for the same events. Whatever people wrote is in base64, headers too (RFC 2047): it cannot end a line. */
export function toEml(batch: AdapterBatch, { from, to }: Mail): string {
  const last = lastOf(batch);
  const boundary = `=_${last.hash.toString('hex').slice(0, 40)}`;
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const id = `${batch.scope}.${batch.events[0]?.seq}-${last.seq}`;
  return [
    `Date: ${mailDate(last.at)}`,
    `From: ${from}`,
    `To: ${to}`,
    `Subject: ${encodedWords(`Persistent Chat: ${batch.name}`)}`,
    `Message-ID: <${id}@${domain}>`,
    'MIME-Version: 1.0',
    `X-Linchpin-Scope: ${batch.scope}`,
    `X-Linchpin-Events: ${batch.events[0]?.seq}-${last.seq}`,
    `X-Linchpin-Hash: ${last.hash.toString('hex')}`,
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    ...part('text/plain; charset=utf-8', transcript(batch)),
    `--${boundary}`,
    ...part(
      `application/x-ndjson; name="${id}.ndjson"`,
      toNdjson(batch),
      `attachment; filename="${id}.ndjson"`,
    ),
    `--${boundary}--`,
    '',
  ].join('\r\n');
}

function part(type: string, content: string, disposition = 'inline'): string[] {
  return [
    `Content-Type: ${type}`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: ${disposition}`,
    '',
    ...lines(Buffer.from(content).toString('base64'), 76),
  ];
}

function transcript({ name, scope, events }: AdapterBatch): string {
  const people = [...new Set(events.map(({ by }) => by))].sort();
  return [`Room: ${name}`, `Id: ${scope}`, `People: ${people.join(', ')}`, '', ...events.map(said), ''].join(
    '\r\n',
  );
}

function said({ event }: EventRow): string {
  const { seq, at, by, kind, ...rest } = parseStored(event) as unknown as Record<string, unknown>;
  const { scope: _, clientId: __, body, subject, ...more } = rest;
  const told = Object.keys(more).length > 0 ? ` ${JSON.stringify(more)}` : '';
  const head = `#${seq} ${at} ${by}: ${kind}${told}`;
  return [
    head,
    ...[subject, body].filter((text) => text !== undefined).map((text) => indented(String(text))),
  ].join('\r\n');
}

// A line of a post cannot be taken for one of ours.
const indented = (text: string): string => text.replace(/^/gm, '    ');

const lines = (text: string, length: number): string[] =>
  text.match(new RegExp(`.{1,${length}}`, 'g')) ?? [''];

// RFC 2047 2: an encoded word has 75 characters at most, and whole characters in it (5).
const WORD_BYTES = 45;

function encodedWords(text: string): string {
  const words: Buffer[] = [];
  let word = Buffer.alloc(0);
  for (const char of text.toWellFormed()) {
    const bytes = Buffer.from(char);
    if (word.length + bytes.length > WORD_BYTES) {
      words.push(word);
      word = Buffer.alloc(0);
    }
    word = Buffer.concat([word, bytes]);
  }
  return [...words, word].map((bytes) => `=?utf-8?B?${bytes.toString('base64')}?=`).join('\r\n ');
}

// RFC 5322 3.3.
const mailDate = (at: Date): string => at.toUTCString().replace('GMT', '+0000');
