// What the adapters write is read by other programs: nothing that somebody wrote in a room may be more than text there.
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { describe, expect, test } from 'vitest';
import { canonical } from '../canonical.ts';
import { link, NO_HASH } from '../chain.ts';
import type { EventRow } from '../store-rows.ts';
import { type AdapterBatch, fileName } from './adapter.ts';
import { CSV_COLUMNS, toCsv } from './csv.ts';
import { toEml } from './eml.ts';
import { toNdjson } from './ndjson.ts';
import { toXml } from './xml.ts';

const scope = '7c9f0f6e-31b5-4a55-9f0b-0d8a6f0a0001';
const HOSTILE = [
  '</body></event><event kind="forged">',
  ']]>&amp;<!-- --><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;',
  'nul\0bell\x07del\x7f\ufffe\uffff half \ud800 end \u{1f600} \u202egnp.exe',
  'line\r\nBcc: everybody@example.org\r\n\r\n--boundary\r\n',
  '=HYPERLINK("http://x","y")',
  'quote " comma, line\nend',
];

function batchOf(name: string, ...events: Partial<Record<string, unknown>>[]): AdapterBatch {
  let hash: Buffer = NO_HASH;
  const rows = events.map((more, index): EventRow => {
    const seq = index + 1;
    const at = new Date(Date.UTC(2026, 0, 31, 12, 0, seq));
    const event = {
      scope,
      seq,
      at: at.toISOString(),
      kind: 'post',
      by: 'alice@contoso.lab',
      ...more,
    } as ChatEvent;
    const text = canonical(event);
    hash = link(hash, text);
    return { scope, seq, at, kind: event.kind, by: event.by, event: text, hash };
  });
  return { id: `${scope}/1-${rows.length}`, scope, name, previous: NO_HASH, events: rows };
}

const hostile = (): AdapterBatch =>
  batchOf(
    HOSTILE.join(' '),
    ...HOSTILE.map((body) => ({ body, subject: body, by: body, clientId: body, kind: 'post' })),
  );

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: (Element | string)[];
}

/** XML as XML 1.0 has it, without entities of its own: throws for everything that is not well-formed. */
function parseXml(text: string): Element {
  const root: Element = { name: '', attributes: {}, children: [] };
  const open = [root];
  const token = /<\?xml [^?]*\?>|<(\/?)([A-Za-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  if (/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text))
    throw new Error('forbidden character');
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) throw new Error(`not well-formed at ${at}: ${text.slice(at, at + 40)}`);
    const [, slash, name, attributes = '', empty, chars] = match;
    const top = open.at(-1) as Element;
    if (chars !== undefined) top.children.push(unescaped(chars));
    else if (slash === '/') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> ends nothing`);
    } else if (name !== undefined) {
      const pairs = [...attributes.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [
        key,
        unescaped(value ?? ''),
      ]);
      const element: Element = { name, attributes: Object.fromEntries(pairs), children: [] };
      top.children.push(element);
      if (empty === '') open.push(element);
    }
  }
  if (open.length !== 1) throw new Error('something is not ended');
  return root.children.find((child) => typeof child !== 'string' && child.name === 'room') as Element;
}

function unescaped(text: string): string {
  return text.replace(/&([^;\s]*);?/g, (whole, name) => {
    const known: Record<string, string> = {
      amp: '&',
      lt: '<',
      gt: '>',
      quot: '"',
      '#9': '\t',
      '#10': '\n',
      '#13': '\r',
    };
    const char = known[name];
    if (char === undefined) throw new Error(`${whole} is no entity`);
    return char;
  });
}

const child = (element: Element, name: string): Element =>
  element.children.find((inner) => typeof inner !== 'string' && inner.name === name) as Element;
const elements = ({ children }: Element, name: string): Element[] =>
  children.filter((inner): inner is Element => typeof inner !== 'string' && inner.name === name);
/** What was written, with the characters that XML cannot say. */
const said = ({ children }: Element): string =>
  children
    .map((inner) =>
      typeof inner === 'string'
        ? inner
        : String.fromCharCode(Number.parseInt(inner.attributes.code ?? '', 16)),
    )
    .join('');

describe('XML', () => {
  test('says everything back as it was, however hostile', () => {
    const room = parseXml(toXml(hostile()));
    expect(said(child(room, 'name'))).toBe(HOSTILE.join(' '));
    const events = elements(room, 'event');
    expect(events.map((event) => said(child(event, 'body')))).toEqual(HOSTILE);
    expect(events.map((event) => said(child(event, 'by')))).toEqual(HOSTILE);
    expect(events.every(({ attributes }) => attributes.kind === 'post')).toBe(true);
  });

  test('has names of elements that are ours, and keys of others as text', () => {
    const change = {
      'alice@contoso.lab': ['member', 'manager'],
      '<x/>': { 'a b': 1 },
      xmlns: 'x',
      name: 'n',
    };
    const file = { id: 'f1', name: 'a<b>.txt', bytes: 7, type: 'text/plain', sha256: '00' };
    const room = parseXml(toXml(batchOf('r', { kind: 'access-changed', change }, { kind: 'upload', file })));
    const [changed] = elements(room, 'event') as [Element];
    const fields = elements(child(changed, 'change'), 'field');
    expect(fields.map((field) => said(child(field, 'key')))).toEqual(['<x/>', 'alice@contoso.lab', 'xmlns']);
    expect(elements(child(fields[1] as Element, 'value'), 'item').map(said)).toEqual(['member', 'manager']);
    const [attached] = elements(child(room, 'attachments'), 'file') as [Element];
    expect([attached.attributes.seq, said(child(attached, 'name'))]).toEqual(['2', 'a<b>.txt']);
  });

  test('has kinds and times of unknown pods as text too', () => {
    const [event] = elements(parseXml(toXml(batchOf('r', { kind: '"><x\0\n', body: '' }))), 'event') as [
      Element,
    ];
    expect(event.attributes.kind).toBe('"><x\ufffd\n');
  });
});

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows = [...text.matchAll(/((?:"(?:[^"]|"")*",?)+)\r\n/gy)].map(([, line = '']) =>
    [...line.matchAll(/"((?:[^"]|"")*)"/g)].map(([, cell = '']) => cell.replaceAll('""', '"')),
  );
  return rows;
}

describe('CSV', () => {
  test('keeps cells and lines apart, whatever is in them', () => {
    const rows = parseCsv(toCsv(hostile()));
    expect(rows.map((row) => row.length)).toEqual(Array(HOSTILE.length + 1).fill(CSV_COLUMNS.length));
    expect(rows[4]?.[CSV_COLUMNS.indexOf('body')]).toBe(HOSTILE[3]);
  });

  test.each([
    '=1+1',
    '+1',
    '-1',
    '@SUM(1)',
    '\t=1',
    '\r=1',
    '\n=1',
    ' =1',
    '\uff1d1',
    '\u200b=1',
    '\0=1',
    "'=1",
    '\u00a0-1',
  ])('has no formula: %j', (body) => {
    const cell = parseCsv(toCsv(batchOf(body, { body, subject: body, by: body })))[1] ?? [];
    for (const column of ['room', 'by', 'subject', 'body'] as const)
      expect(cell[CSV_COLUMNS.indexOf(column)]).toBe(`'${body.replaceAll('\0', '\ufffd')}`);
  });

  test('leaves plain text as it is', () => {
    const cell = parseCsv(toCsv(batchOf('Sales', { body: 'a = b', files: [] })))[1] ?? [];
    expect(cell.slice(0, 10)).toEqual([
      scope,
      'Sales',
      '1',
      '2026-01-31T12:00:01.000Z',
      'post',
      'alice@contoso.lab',
      '',
      '',
      'a = b',
      '{"files":[]}',
    ]);
  });
});

describe('NDJSON', () => {
  test('has each event as it was hashed, in a chain', () => {
    const lines = toNdjson(hostile()).split('\n').slice(0, -1);
    let hash: Buffer = NO_HASH;
    for (const [index, line] of lines.entries()) {
      const { event, hash: told, previous } = JSON.parse(line);
      expect(previous).toBe(index === 0 ? NO_HASH.toString('hex') : undefined);
      hash = link(hash, canonical(event));
      expect(told).toBe(hash.toString('hex'));
      expect(event.body).toBe(HOSTILE[index]);
    }
    expect(lines.length).toBe(HOSTILE.length);
  });
});

describe('EML', () => {
  const mail = { from: 'chat@contoso.lab', to: 'archive@example.org' };

  function parts(eml: string): { headers: string[]; bodies: string[] } {
    const [head = '', ...rest] = eml.split('\r\n\r\n');
    const headers = head.replaceAll('\r\n ', ' ').split('\r\n');
    const boundary = /boundary="([^"]+)"/.exec(head)?.[1];
    const bodies = rest
      .join('\r\n\r\n')
      .split(`--${boundary}`)
      .slice(1, -1)
      .map((part) =>
        Buffer.from(part.slice(part.indexOf('\r\n\r\n') + 4).replaceAll('\r\n', ''), 'base64').toString(),
      );
    return { headers, bodies };
  }

  test('has the headers that we wrote and no others, in lines that mail allows', () => {
    const eml = toEml(hostile(), mail);
    const { headers } = parts(eml);
    expect(headers.map((header) => header.split(':')[0])).toEqual([
      'Date',
      'From',
      'To',
      'Subject',
      'Message-ID',
      'MIME-Version',
      'X-Linchpin-Scope',
      'X-Linchpin-Events',
      'X-Linchpin-Hash',
      'Content-Type',
    ]);
    for (const line of eml.split('\r\n')) {
      expect(line.length).toBeLessThanOrEqual(998);
      expect(line).toMatch(/^[\x20-\x7e]*$/);
    }
    const words = (headers[3] ?? '').slice('Subject: '.length).split(' ');
    for (const word of words) expect(word).toMatch(/^=\?utf-8\?B\?[A-Za-z0-9+/=]{1,63}\?=$/);
    const subject = words.map((word) => Buffer.from(word.slice(10, -2), 'base64').toString()).join('');
    expect(subject).toBe(`Persistent Chat: ${HOSTILE.join(' ')}`.toWellFormed());
  });

  test('has a transcript to read, and the events as they were hashed', () => {
    const batch = batchOf(
      'Sales',
      { body: 'hello\n#2 forged', subject: 'News' },
      { kind: 'join', by: 'bob@contoso.lab' },
    );
    const { headers, bodies } = parts(toEml(batch, mail));
    expect(headers[0]).toBe('Date: Sat, 31 Jan 2026 12:00:02 +0000');
    expect(headers[4]).toBe(`Message-ID: <${scope}.1-2@contoso.lab>`);
    expect(bodies[0]?.split('\r\n')).toEqual([
      'Room: Sales',
      `Id: ${scope}`,
      'People: alice@contoso.lab, bob@contoso.lab',
      '',
      '#1 2026-01-31T12:00:01.000Z alice@contoso.lab: post',
      '    News',
      '    hello\n    #2 forged',
      '#2 2026-01-31T12:00:02.000Z bob@contoso.lab: join',
      '',
    ]);
    expect(bodies[1]).toBe(toNdjson(batch));
    expect(toEml(batch, mail)).toBe(toEml(batch, mail));
  });
});

test('files are named after what is in them, not by people', () => {
  expect(fileName(hostile(), 'xml')).toBe(`${scope}_000000000001-000000000006.xml`);
});
