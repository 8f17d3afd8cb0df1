// `linchpin compliance …` against something that answers as CMS does: what is asked, what is said, and how it ends.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { freePort } from '@linchpin/backends';
import type {
  ChainReport,
  ExportOrder,
  Hold,
  StatusReply,
  StoredEvent,
} from '@linchpin/proto/chat/v1/compliance';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runCommandLine } from '../src/command-line.ts';
import { type FakeCompliance, startFakeCompliance } from './fake-compliance.ts';

const ROOM = '6f1c2f0e-5f3e-4b39-9f0c-111111111111';
const ID = '6f1c2f0e-5f3e-4b39-9f0c-222222222222';
const HASH = Buffer.alloc(32, 0xab);

let cms: FakeCompliance;
let folder: string;

interface Outcome {
  code: number;
  out: string;
  err: string;
}

async function runAt(home: string, address: string, args: string[]): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommandLine([...args, '--home', home, '--cms', address], {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
  });
  return { code, out: out.join(''), err: err.join('') };
}
const run = (...args: string[]): Promise<Outcome> => runAt(cms.home, cms.address, args);
const compliance = (...args: string[]): Promise<Outcome> => run('compliance', ...args);
const because = ['--reason', 'case 12'];
const reason = 'case 12';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'linchpin-compliance-'));
  cms = await startFakeCompliance(join(folder, 'home'));
});
afterAll(async () => {
  await cms.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => cms.reset());

describe('what is a mistake of its user ends with code 2, and nobody is asked', () => {
  const to = ['--to', '/nonexistent/x.tar'];
  test.each<[string, string[]]>([
    ["unknown command 'frobnicate'", ['frobnicate']],
    ["unknown option '--why'", ['status', '--why', 'x']],
    ['Allowed choices are table, json, yaml', ['status', '-o', 'xml']],
    ["required option '--reason <text>' not specified", ['verify', 'Desk']],
    ["required option '--reason <text>' not specified", ['query']],
    ["required option '--reason <text>' not specified", ['export', '--room', 'Desk', ...to]],
    ["required option '--reason <text>' not specified", ['order', '--room', 'Desk']],
    ["required option '--reason <text>' not specified", ['release', ID]],
    ['is no manifest of an export: ENOENT', ['verify', '--manifest', '/nonexistent', ...because]],
    ['--limit <number>', ['query', '--limit', 'many', ...because]],
    ['It must be 1 or more', ['query', '--limit', '0', ...because]],
    ['It must be 1 or more', ['query', '--limit', '-5', ...because]],
    ['"OU=Sales" is neither a user', ['query', '--by', 'OU=Sales', ...because]],
    ["required option '--to <file>' not specified", ['export', '--room', 'Desk', ...because]],
    ['Of what? Give --room or --user.', ['export', ...to, ...because]],
    ['Of what? Give --room or --user.', ['export', '--room', 'Desk', '--user', 'bob', ...to, ...because]],
    [
      "option '--order <id>' cannot be used with option '--room <room>'",
      ['export', '--order', ID, '--room', 'Desk', ...to, ...because],
    ],
    ['Cannot write /nonexistent/x.tar: ENOENT', ['export', '--room', 'Desk', ...to, ...because]],
    ['Of what? Give --room or --user.', ['order', ...because]],
    ['Of what? Give --room or --user.', ['order', '--room', 'Desk', '--user', 'bob', ...because]],
    ["missing required argument 'id'", ['approve']],
    ["missing required argument 'name'", ['hold']],
    ["missing required argument 'id'", ['release', ...because]],
    ['"a b" is neither a user', ['hold', 'case 12', '--user', 'a b']],
  ])('%s', async (message, args) => {
    const { code, out, err } = await compliance(...args);
    expect(err).toContain(message);
    expect([code, out, cms.asked]).toEqual([2, '', []]);
  });

  test('a manifest that says nothing of chains', async () => {
    const manifest = join(folder, 'manifest.json');
    writeFileSync(manifest, '{"by":"admin"}');
    const { code, err } = await compliance('verify', '--manifest', manifest, ...because);
    expect([code, cms.asked]).toEqual([2, []]);
    expect(err).toContain(`linchpin: ${manifest} is no manifest of an export`);
  });
});

describe('what is refused or cannot be reached', () => {
  test.each<[string, { code: status; details: string }, string]>([
    ['a room that nobody knows', { code: status.NOT_FOUND, details: 'no room Desk' }, 'no room Desk'],
    ['a store that is away', { code: status.UNAVAILABLE, details: 'the store is away' }, 'the store is away'],
    [
      'a certificate of a role',
      { code: status.PERMISSION_DENIED, details: 'edge may not call this' },
      'edge may not call this. Use a certificate for role admin.',
    ],
  ])('%s ends with code 1, in the words of the server', async (_, failure, said) => {
    const asked = [
      ['verify', 'Desk', ...because],
      ['query', '--room', 'Desk', ...because],
      ['order', '--room', 'Desk', ...because],
      ['orders'],
      ['approve', ID],
      ['hold', 'case 12', '--room', 'Desk'],
      ['holds'],
      ['release', ID, ...because],
      ['status'],
    ];
    for (const args of asked) {
      cms.fail(failure);
      expect(await compliance(...args)).toEqual({ code: 1, out: '', err: `linchpin: ${said}\n` });
    }
    expect(cms.asked).toHaveLength(asked.length);
  });

  test('no CMS: code 3, and what to look at', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    expect(await runAt(cms.home, address, ['compliance', 'status'])).toEqual({
      code: 3,
      out: '',
      err: `linchpin: CMS at ${address} is not available (nothing listens there). Is this the address of CMS?\n`,
    });
  });

  test('no installation: code 3; no certificate of an administrator: code 1', async () => {
    const home = join(folder, 'stranger');
    mkdirSync(home);
    expect((await runAt(home, cms.address, ['compliance', 'status'])).code).toBe(3);
    writeFileSync(join(home, 'linchpin.json'), readFileSync(join(cms.home, 'linchpin.json')));
    const { code, err } = await runAt(home, cms.address, ['compliance', 'status']);
    expect(code).toBe(1);
    expect(err).toMatch(/^linchpin: Only who may read .* can administer here: ENOENT/);
  });
});

describe('verify', () => {
  const report = (changes: Partial<ChainReport> = {}): ChainReport => ({
    ...{ scope: ROOM, name: 'Desk', firstSeq: 1, lastSeq: 7, events: 7, head: HASH, finding: undefined },
    ...changes,
  });
  const altered = report({
    name: '',
    finding: { problem: 'altered', seq: 3, detail: 'its text is another one' },
  });

  test('shows chains that are whole: code 0', async () => {
    cms.answer('verify', [report()]);
    expect(await compliance('verify', 'Desk', ...because)).toEqual({
      code: 0,
      out: 'CHAIN   EVENTS   NUMBERS   RESULT   ENDS WITH\nDesk    7        1-7       whole    abababababababab\n',
      err: '',
    });
    expect(cms.asked).toEqual([{ method: 'verify', request: { scope: 'Desk', anchors: [], reason } }]);
  });

  test('shows them all where one is not whole, and ends with code 1', async () => {
    cms.answer('verify', [report(), altered]);
    const { code, out, err } = await compliance('verify', ...because);
    expect([code, err]).toEqual([1, 'linchpin: 1 of 2 chains are not whole\n']);
    expect(out).toMatch(/^Desk .* whole /m);
    expect(out).toMatch(new RegExp(`^${ROOM} .* altered at 3: its text is another one `, 'm'));
    const asJson = await compliance('verify', ...because, '-o', 'json');
    expect(asJson.code).toBe(1);
    expect(JSON.parse(asJson.out)).toMatchObject([
      { name: 'Desk', head: HASH.toString('hex') },
      { scope: ROOM, finding: { problem: 'altered', seq: 3 } },
    ]);
  });

  test('that was cut off is no success, whatever came before', async () => {
    cms.answer('verify', [report()]);
    cms.fail({ code: status.UNAVAILABLE, details: 'the store is away' });
    expect(await compliance('verify', ...because)).toEqual({
      code: 1,
      out: '',
      err: 'linchpin: the store is away\n',
    });
  });

  test('asks whether the chains have the hashes of an export', async () => {
    const manifest = join(folder, 'manifest.json');
    const scopes = [{ scope: ROOM, headSeq: 7, headHash: HASH.toString('hex') }];
    writeFileSync(manifest, JSON.stringify({ scopes }));
    cms.answer('verify', [report()]);
    expect((await compliance('verify', '--manifest', manifest, ...because)).code).toBe(0);
    expect(cms.asked[0]?.request).toEqual({
      scope: '',
      anchors: [{ scope: ROOM, seq: 7, hash: HASH }],
      reason,
    });
  });
});

describe('query', () => {
  const event = (seq: number): StoredEvent => ({
    event: JSON.stringify({
      scope: ROOM,
      seq,
      at: 'now',
      by: 'bob@contoso.lab',
      kind: 'post',
      body: `b\u001b${seq}`,
    }),
    hash: HASH,
  });

  test('asks all that was given, and shows what was found', async () => {
    cms.answer('query', { events: [event(1)], next: '' });
    const asked = [
      '--room',
      'Desk',
      '--by',
      'bob',
      '--kind',
      'post',
      'edit',
      '--text',
      'gold',
      '--limit',
      '5',
    ];
    const time = ['--from', '2026-03-01T00:00:00Z', '--to', '2026-04-01T00:00:00Z'];
    const { code, out } = await compliance('query', ...asked, ...time, ...because);
    expect([code, out]).toEqual([0, `now  ${ROOM}/1  bob@contoso.lab post  {"body":"b\\u001b1"}\n`]);
    expect(cms.asked[0]?.request).toEqual({
      ...{ scope: 'Desk', by: 'bob@contoso.lab', kinds: ['post', 'edit'], text: 'gold', limit: 5 },
      ...{ from: '2026-03-01T00:00:00Z', to: '2026-04-01T00:00:00Z', after: '', reason },
    });
  });

  test('takes an administrator by name, and finds nothing without complaint', async () => {
    cms.answer('query', { events: [], next: '' });
    expect(await compliance('query', '--by', 'admin:root', ...because)).toEqual({
      code: 0,
      out: '\n',
      err: '',
    });
    expect(cms.asked[0]?.request).toMatchObject({ by: 'admin:root', limit: 1000 });
  });

  test('goes through pages until it has as many as were asked for', async () => {
    cms.answer('query', ({ after, limit }: { after: string; limit: number }) => {
      const first = Number(after || 1);
      const page = [first, first + 1].slice(0, limit);
      return { events: page.map(event), next: String(first + page.length) };
    });
    const { out } = await compliance('query', '--limit', '5', ...because, '-o', 'json');
    const found = JSON.parse(out) as { event: { seq: number }; hash: string }[];
    expect(found.map(({ event: { seq } }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(cms.asked.map(({ request: { after, limit } }) => [after, limit])).toEqual([
      ['', 5],
      ['3', 3],
      ['5', 1],
    ]);
  });
});

describe('export', () => {
  const into = (name: string): string => join(folder, name);
  const left = (): string[] => readdirSync(folder).filter((name) => name.includes('.tar'));

  test.each([['compliance export'], ['export compliance']])(
    '%s writes an archive that nobody else may read',
    async (words) => {
      cms.answer('export', [{ data: Buffer.from('first ') }, { data: Buffer.from('second') }]);
      const to = into('desk.tar');
      const { code, out } = await run(...words.split(' '), '--room', 'Desk', '--to', to, ...because);
      expect([code, out]).toEqual([0, `${to}: 12 bytes\n`]);
      expect(readFileSync(to, 'utf8')).toBe('first second');
      expect(statSync(to).mode & 0o777).toBe(0o600);
      expect(left()).toEqual(['desk.tar']);
      expect(cms.asked[0]?.request).toEqual({ room: 'Desk', user: '', order: '', reason });
      rmSync(to);
    },
  );

  test('is of a user where one is given', async () => {
    const to = into('bob.tar');
    await compliance('export', '--user', 'bob', '--to', to, ...because);
    expect(cms.asked[0]?.request).toMatchObject({ room: '', user: 'bob@contoso.lab' });
    rmSync(to);
  });

  test('that breaks off leaves nothing that could be taken for one', async () => {
    cms.answer('export', [{ data: Buffer.from('first') }]);
    cms.fail({ code: status.FAILED_PRECONDITION, details: 'the chain of Desk is not whole' });
    expect(await compliance('export', '--room', 'Desk', '--to', into('broken.tar'), ...because)).toEqual({
      code: 1,
      out: '',
      err: 'linchpin: the chain of Desk is not whole\n',
    });
    expect(left()).toEqual([]);
  });
});

describe('four eyes', () => {
  const asked: Partial<ExportOrder> & { scope: string } = {
    ...{ id: ID, room: ROOM, scope: ROOM, user: '', reason },
    ...{ askedBy: 'auditor', askedAt: '2026-03-01T00:00:00Z', approvedBy: '', approvedAt: '' },
  };
  const approved = { ...asked, approvedBy: 'counsel', approvedAt: '2026-03-02T00:00:00Z' };

  test('an export is asked for, and shown to whoever has to approve it', async () => {
    cms.answer('requestExport', asked);
    cms.answer('listExportRequests', { orders: [asked] });
    const ordered = await compliance('order', '--room', ROOM, ...because);
    const row = new RegExp(`^${ID} +${ROOM} +case 12 +auditor +2026-03-01T00:00:00Z +-$`, 'm');
    expect([ordered.code, ordered.err]).toEqual([0, '']);
    expect(ordered.out).toMatch(row);
    expect((await compliance('orders')).out).toMatch(row);
    expect(cms.asked).toEqual([
      { method: 'requestExport', request: { room: ROOM, user: '', order: '', reason } },
      { method: 'listExportRequests', request: {} },
    ]);
  });

  test('is approved by its id', async () => {
    cms.answer('approveExport', approved);
    const { code, out } = await compliance('approve', ID);
    expect(code).toBe(0);
    expect(out).toContain('2026-03-02T00:00:00Z by counsel');
    expect(cms.asked).toEqual([{ method: 'approveExport', request: { id: ID } }]);
  });

  test('who has asked cannot approve: code 1, and no word of certificates', async () => {
    const details = 'who has asked for an export cannot approve it';
    cms.fail({ code: status.PERMISSION_DENIED, details });
    expect(await compliance('approve', ID)).toEqual({ code: 1, out: '', err: `linchpin: ${details}\n` });
  });

  test('an approved export is written by its order, which says what of', async () => {
    const to = join(folder, 'ordered.tar');
    cms.answer('export', [{ data: Buffer.from('x') }]);
    expect((await compliance('export', '--order', ID, '--to', to, ...because)).code).toBe(0);
    expect(cms.asked[0]?.request).toEqual({ room: '', user: '', order: ID, reason });
    expect(existsSync(to)).toBe(true);
    rmSync(to);
  });

  test('one that nobody has approved is not written', async () => {
    const to = join(folder, 'early.tar');
    cms.fail({ code: status.FAILED_PRECONDITION, details: 'nobody has approved this export yet' });
    const { code, err } = await compliance('export', '--order', ID, '--to', to, ...because);
    expect([code, err]).toEqual([1, 'linchpin: nobody has approved this export yet\n']);
    expect(existsSync(to)).toBe(false);
  });
});

describe('holds', () => {
  const hold = (changes: Partial<Hold> = {}): Hold => ({
    ...{
      id: ID,
      name: 'case 12',
      scope: '',
      subject: '',
      since: '2026-03-01T00:00:00Z',
      placedBy: 'counsel',
    },
    ...{ releasedAt: '', releasedBy: '' },
    ...changes,
  });

  test.each<[string[], object, Partial<Hold>, string]>([
    [['--room', 'Desk'], { scope: 'Desk', subject: '' }, { scope: ROOM }, `${ROOM} +- `],
    [
      ['--user', 'Bob'],
      { scope: '', subject: 'bob@contoso.lab' },
      { subject: 'bob@contoso.lab' },
      'all +bob@contoso.lab ',
    ],
    [[], { scope: '', subject: '' }, {}, 'everything +- '],
  ])('are placed on what is given: %s', async (args, request, placed, shown) => {
    cms.answer('placeHold', hold(placed));
    const { code, out } = await compliance('hold', 'case 12', ...args);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^${ID} +case 12 +${shown}`, 'm'));
    expect(cms.asked).toEqual([{ method: 'placeHold', request: { name: 'case 12', ...request } }]);
  });

  test('are released with a reason, and shown with --all only', async () => {
    const released = hold({ releasedAt: '2026-05-01T00:00:00Z', releasedBy: 'counsel' });
    cms.answer('releaseHold', released);
    cms.answer('listHolds', ({ withReleased }: { withReleased: boolean }) => ({
      holds: withReleased ? [released] : [],
    }));
    expect((await compliance('release', ID, ...because)).out).toContain('2026-05-01T00:00:00Z by counsel');
    expect(cms.asked[0]?.request).toEqual({ id: ID, reason });
    expect((await compliance('holds')).out).not.toContain(ID);
    expect((await compliance('holds', '--all')).out).toContain(ID);
  });
});

describe('status', () => {
  const well: StatusReply = {
    ...{ healthy: true, storeAvailable: true, queuedMessages: 0, lagSeconds: 0.25 },
    ...{ earlyEvents: 0, refusedMessages: 0, chains: 3, adapters: [] },
  };

  test('says how far the store is: code 0, also where something is wrong', async () => {
    cms.answer('status', well);
    const { code, out } = await compliance('status');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^compliance: {2}healthy\nstore: {7}available\nqueue: {7}0 messages\nlag: {9}0\.3 s$/m,
    );
    const adapters = [{ name: 'archive', ranAt: '', scopesBehind: 2 }];
    const ill = { healthy: false, storeAvailable: false, queuedMessages: undefined, lagSeconds: undefined };
    cms.answer('status', { ...well, ...ill, refusedMessages: 4, adapters });
    const worse = await compliance('status');
    expect(worse.code).toBe(0);
    for (const line of [
      'not healthy: categories that require it take no posts',
      'queue:       not known, NATS is away',
      'refused:     4 messages, for people to look at',
    ])
      expect(worse.out).toContain(line);
    expect(worse.out).toMatch(/^archive +never +2$/m);
    expect(JSON.parse((await compliance('status', '-o', 'json')).out)).toMatchObject({ healthy: false });
  });
});
