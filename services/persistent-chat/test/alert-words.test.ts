// What PostgreSQL makes a word of in any locale, the index of topics finds by its pieces: else nobody would be alerted of it.
import { readFile } from 'node:fs/promises';
import { createLab, type Lab } from '@linchpin/testkit';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eachPiece, fold } from '../src/alerts/words.ts';

const TEXTS = 4_000;

let lab: Lab;

beforeAll(async () => {
  lab = await createLab({ nats: false, postgres: true });
});
afterAll(() => lab?.close());

async function connect(database: string): Promise<pg.Client> {
  const { port, passwordFile } = lab.postgres;
  const password = await readFile(passwordFile, 'utf8');
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'linchpin', password, database });
  await client.connect();
  return client;
}

/** The same numbers in each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

// What parsers part, join, lower or pass over in ways of their own.
const PARTS = [
  ...'aZ09éÉßẞÄñİıΣςΟøœ日本語กัمرحбЖ'.normalize('NFC'),
  ...[
    'gold',
    'Silver',
    '12',
    '3.5',
    '1e5',
    '-',
    '–',
    '—',
    '_',
    '.',
    '/',
    '\\',
    ':',
    '//',
    '@',
    '&',
    ';',
    '#',
    '<',
    '>',
  ],
  ...[
    '"',
    "'",
    '“',
    '”',
    '’',
    '…',
    '²',
    '½',
    'Ⅳ',
    '٣',
    '५',
    '\u0301',
    '\u0307',
    '\u00ad',
    '\u200d',
    '\u00a0',
    '😀',
    '𝒳',
  ],
  ...[
    'http',
    'www.',
    '.com',
    'x.org',
    'mailto',
    '&amp',
    '&#12',
    '<b',
    'href=',
    '=',
    '+',
    '*',
    '?',
    '!',
    ',',
    '~',
    '%20',
  ],
  ...[' ', ' ', ' ', ' ', '\n', '\t'],
];

function* texts(): Generator<string> {
  const next = random(7);
  for (let n = 0; n < TEXTS; n++)
    yield Array.from({ length: 2 + next(14) }, () => PARTS[next(PARTS.length)]).join('');
}

const piecesOf = (text: string): Set<number> => {
  const keys = new Set<number>();
  eachPiece(text, fold(text), (key) => keys.add(key));
  return keys;
};

test.each([
  ['of C', "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"],
  ['of the C library', "LOCALE_PROVIDER libc LOCALE 'C.UTF-8'"],
  ['of ICU', "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"],
  ['of Turkish, by ICU', "LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C.UTF-8'"],
])('Each word that is found in a text with the letters %s', async (_, locale) => {
  const postgres = await connect('postgres');
  await postgres.query('DROP DATABASE IF EXISTS words');
  await postgres.query(`CREATE DATABASE words TEMPLATE template0 ENCODING 'UTF8' ${locale}`);
  await postgres.end();
  const client = await connect('words');
  const all = [...texts()];
  const { rows } = await client.query(
    "SELECT tsvector_to_array(to_tsvector('simple', text)) AS lexemes FROM unnest($1::text[]) WITH ORDINALITY AS t (text, n) ORDER BY n",
    [all],
  );
  await client.end();
  let words = 0;
  for (const [at, { lexemes }] of rows.entries()) {
    const text = fold(all[at] as string);
    const pieces = piecesOf(all[at] as string);
    for (const lexeme of lexemes as string[]) {
      const said = { text: all[at], lexeme };
      const own = [...piecesOf(fold(lexeme))];
      expect({ ...said, held: text.includes(fold(lexeme)) }).toEqual({ ...said, held: true });
      expect({ ...said, missing: own.filter((key) => !pieces.has(key)) }).toEqual({ ...said, missing: [] });
      words += 1;
    }
  }
  expect(words).toBeGreaterThan(TEXTS);
});
