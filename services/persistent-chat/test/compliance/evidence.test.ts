// What an auditor may rely on: alterations are found, holds keep, questions are written down, exports prove themselves.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { link, NO_HASH } from '../../src/compliance/chain.ts';
import { exportArchive } from '../../src/compliance/export/export.ts';
import { MANIFEST, type Manifest } from '../../src/compliance/export/manifest.ts';
import { verifyExport } from '../../src/compliance/export/verify-export.ts';
import { heldIn, placeHold, releaseHold } from '../../src/compliance/holds.ts';
import { query } from '../../src/compliance/query.ts';
import type { ScopePolicy } from '../../src/compliance/retention.ts';
import { type Anchor, type ChainReport, verifyAll, verifyScope } from '../../src/compliance/verify.ts';
import {
  type ComplianceRig,
  createComplianceRig,
  newScope,
  type Pod,
  post,
  posts,
  temporary,
  until,
} from './rig.ts';

let rig: ComplianceRig;
let scope: string;
beforeAll(async () => {
  rig = await createComplianceRig();
});
afterAll(() => rig.close());
beforeEach(async () => {
  await rig.reset();
  scope = newScope();
});

/** A pod that has put these events into their chains. */
async function withEvents(count: number, options = {}): Promise<Pod> {
  const pod = await rig.pod(options);
  await rig.publish(scope, { ...post(scope, 1), kind: 'room-created', name: 'Sales', change: {} } as never);
  for (let from = 2; from <= count; from += 500)
    await rig.publish(scope, ...posts(scope, from, Math.min(count, from + 499)));
  await rig.stored(count);
  return pod;
}

async function report(pod: Pod, anchors: Anchor[] = []): Promise<ChainReport> {
  const found = await verifyScope(pod.database, scope, anchors);
  if (found === undefined) throw new Error('there is no chain');
  return found;
}

describe('the verifier', () => {
  test('computes a chain again over many pages', async () => {
    const pod = await withEvents(2500);
    const { events, finding, head, ...rest } = await report(pod);
    expect({ events, finding, ...rest }).toEqual({
      events: 2500,
      finding: undefined,
      scope,
      name: 'Sales',
      firstSeq: 1,
      lastSeq: 2500,
    });
    expect(head).toEqual((await rig.sql('SELECT hash FROM events WHERE seq = 2500'))[0].hash);
  });

  test.each([
    [
      'its text',
      "UPDATE events SET event = replace(event, 'message 1234', 'message 1235') WHERE seq = 1234",
      'altered',
    ],
    ['one space', "UPDATE events SET event = event || ' ' WHERE seq = 1234", 'altered'],
    ['its hash', 'UPDATE events SET hash = sha256(hash) WHERE seq = 1234', 'altered'],
    [
      'who did it, for queries only',
      "UPDATE events SET by = 'mallory@contoso.lab' WHERE seq = 1234",
      'altered',
    ],
    ['when, for queries only', "UPDATE events SET at = at + interval '1 ms' WHERE seq = 1234", 'altered'],
    ['what it is, for queries only', "UPDATE events SET kind = 'join' WHERE seq = 1234", 'altered'],
    ['that it is there', 'DELETE FROM events WHERE seq = 1234', 'missing'],
    ['that it and those after it are there', 'DELETE FROM events WHERE seq >= 1234', 'missing'],
  ])('finds the one event of which somebody changed %s', async (_, statement, problem) => {
    const pod = await withEvents(1300);
    await rig.sql(statement);
    expect((await report(pod)).finding).toMatchObject({ problem, seq: 1234 });
  });

  test('finds what was put in at either end, and a head that is not that of the last event', async () => {
    const pod = await withEvents(10);
    const copy = (seq: number) =>
      rig.sql(
        'INSERT INTO events SELECT scope, $1, at, kind, by, event, hash, stored_at FROM events WHERE seq = 5',
        [seq],
      );
    await copy(11);
    expect((await report(pod)).finding).toMatchObject({ problem: 'extra', seq: 11 });
    await rig.sql('DELETE FROM events WHERE seq = 11');
    await copy(0);
    expect((await report(pod)).finding).toMatchObject({ problem: 'extra', seq: 0 });
    await rig.sql('DELETE FROM events WHERE seq = 0');
    expect((await report(pod)).finding).toBeUndefined();
    await rig.sql('UPDATE chains SET hash = sha256(hash)');
    expect((await report(pod)).finding).toMatchObject({ problem: 'altered', seq: 10 });
  });

  test('finds a chain that was computed anew from end to end, by a hash that is known from elsewhere', async () => {
    const pod = await withEvents(20);
    const anchor = {
      scope,
      seq: 15,
      hash: (await rig.sql('SELECT hash FROM events WHERE seq = 15'))[0].hash,
    };
    let hash: Buffer = NO_HASH;
    for (const row of await rig.sql('SELECT seq, event FROM events ORDER BY seq')) {
      const event = row.event.replace('message 3', 'message 33');
      hash = link(hash, event);
      await rig.sql('UPDATE events SET event = $2, hash = $3 WHERE seq = $1', [row.seq, event, hash]);
    }
    await rig.sql('UPDATE chains SET hash = $1', [hash]);
    expect((await report(pod)).finding).toBeUndefined();
    expect((await report(pod, [anchor])).finding).toMatchObject({ problem: 'altered', seq: 15 });
  });

  test('says of all chains which one it is, also where the chain itself is gone', async () => {
    const pod = await withEvents(10);
    const [other, orphaned, gone] = [newScope(), newScope(), newScope()];
    for (const id of [other, orphaned, gone]) await rig.publish(id, ...posts(id, 1, 5));
    await rig.stored(25);
    await rig.sql(
      "UPDATE events SET event = replace(event, 'message', 'massage') WHERE scope = $1 AND seq = 4",
      [other],
    );
    await rig.sql('DELETE FROM chains WHERE scope = ANY($1)', [[orphaned, gone]]);
    await rig.sql('DELETE FROM events WHERE scope = $1', [gone]);
    const findings = new Map<string, unknown>();
    for await (const { scope: id, finding } of verifyAll(pod.database, [
      { scope: gone, seq: 5, hash: NO_HASH },
    ]))
      findings.set(id, finding);
    expect(findings.get(scope)).toBeUndefined();
    expect(findings.get(other)).toMatchObject({ problem: 'altered', seq: 4 });
    expect(findings.get(orphaned)).toMatchObject({ problem: 'extra', seq: 1 });
    expect(findings.get(gone)).toMatchObject({ problem: 'missing', seq: 1 });
    expect([findings.get('audit'), findings.get('legal-holds')]).toEqual([undefined, undefined]);
    expect(findings.size).toBe(6);
  });
});

describe('retention', () => {
  const month = (retentionDays: number | undefined, legalHold = false) =>
    new Map<string, ScopePolicy>([[scope, { retentionDays, legalHold, category: newScope() }]]);
  const old = new Date(Date.now() - 40 * 86_400_000).toISOString();
  const young = new Date().toISOString();

  /** Ten old events, then ten of now; number 5 is bob's, 8 names carol. */
  async function aged(policies: Map<string, ScopePolicy>, options = {}) {
    const pod = await rig.pod({ policies, ...options });
    const more: Record<number, object> = {
      5: { by: 'Bob@contoso.lab' },
      8: { mentions: ['carol@contoso.lab'] },
    };
    for (let seq = 1; seq <= 20; seq++)
      await rig.publish(scope, post(scope, seq, { at: seq <= 10 ? old : young, ...more[seq] }));
    await rig.stored(20);
    return pod;
  }
  const kept = async (): Promise<number> => Number((await rig.sql('SELECT min(seq) FROM events'))[0].min);

  test('cuts off what is old, and what is left still proves itself', async () => {
    const pod = await aged(month(30));
    expect(await pod.compliance.applyRetention()).toBe(10);
    expect(await kept()).toBe(11);
    expect(await report(pod)).toMatchObject({ firstSeq: 11, lastSeq: 20, events: 10, finding: undefined });
    await rig.publish(scope, post(scope, 21), post(scope, 3));
    await rig.stored(11);
    await until(async () => (await rig.queued()) === 0);
    expect((await report(pod)).finding).toBeUndefined();
    expect([await kept(), await pod.counted('conflict'), await pod.counted('double')]).toEqual([11, 0, 1]);
    await rig.sql("UPDATE events SET event = replace(event, 'message 11', 'message 12') WHERE seq = 11");
    expect((await report(pod)).finding).toMatchObject({ problem: 'altered', seq: 11 });
    expect((await rig.sql("SELECT detail FROM audit WHERE action = 'retention'"))[0].detail).toMatchObject({
      first: 1,
      last: 10,
    });
  });

  test('keeps everything for good where the category does not say otherwise', async () => {
    const pod = await aged(month(undefined));
    expect(await pod.compliance.applyRetention()).toBe(0);
  });

  test('goes by what the category said last when the room is deleted', async () => {
    const policies = month(60);
    const pod = await aged(policies);
    expect(await pod.compliance.applyRetention()).toBe(0);
    await rig.sql('UPDATE chains SET retention_days = 30');
    policies.clear();
    expect(await pod.compliance.applyRetention()).toBe(10);
  });

  test.each([
    ['everything', { scope: false, subject: undefined }, 1],
    ['the room', { scope: true, subject: undefined }, 1],
    ['a user, from what the user did on', { scope: false, subject: 'bob@contoso.lab' }, 5],
    ['a user in the room, from what names the user on', { scope: true, subject: 'Carol@contoso.lab' }, 8],
  ])('is beaten by a legal hold on %s', async (_, hold, first) => {
    const pod = await aged(month(30));
    const { id } = await placeHold(pod.database, 'auditor', {
      name: 'case 1',
      scope: hold.scope ? scope : undefined,
      subject: hold.subject,
    });
    await pod.compliance.applyRetention();
    expect(await kept()).toBe(first);
    expect((await report(pod)).finding).toBeUndefined();
    await releaseHold(pod.database, 'auditor', id, 'case closed');
    await pod.compliance.applyRetention();
    expect(await kept()).toBe(11);
  });

  test("is not beaten by another room's hold, and is by the room's own", async () => {
    const policies = month(30, true);
    const pod = await aged(policies);
    await placeHold(pod.database, 'auditor', { name: 'case 2', scope: newScope(), subject: undefined });
    expect(await pod.compliance.applyRetention()).toBe(0);
    policies.set(scope, { retentionDays: 30, legalHold: false, category: newScope() });
    expect(await pod.compliance.applyRetention()).toBe(10);
  });

  test('does not cut what an adapter has not written yet, nor over what is missing', async () => {
    const adapters = [{ name: 'archive', format: 'ndjson' as const, folder: temporary(rig.lab, 'archive') }];
    const policies = month(30);
    const pod = await aged(policies);
    const cutting = await rig.pod({ adapters, policies, idle: true });
    expect(await cutting.compliance.applyRetention()).toBe(0);
    await rig.sql("INSERT INTO adapter_marks (adapter, scope, seq) VALUES ('archive', $1, 6)", [scope]);
    expect(await cutting.compliance.applyRetention()).toBe(6);
    await rig.sql('UPDATE adapter_marks SET seq = 20');
    await rig.sql('DELETE FROM events WHERE seq = 8');
    expect(await cutting.compliance.applyRetention()).toBe(0);
    expect(rig.log()).toContain('are missing: nothing is cut');
    expect((await report(pod)).finding).toMatchObject({ problem: 'missing', seq: 8 });
  });
});

describe('legal holds', () => {
  test('tell whoever purges', async () => {
    const { compliance, database } = await rig.pod();
    const other = newScope();
    expect(await compliance.isHeld(scope)).toBe(false);
    const { id } = await placeHold(database, 'auditor', {
      name: 'c1',
      scope: undefined,
      subject: 'Bob@Contoso.lab',
    });
    expect(await compliance.isHeld(other)).toBe(true);
    const held = (of: string) => database.use((client) => heldIn(client, of));
    expect(await held(other)).toEqual({ all: false, subjects: ['bob@contoso.lab'] });
    await placeHold(database, 'auditor', { name: 'c2', scope, subject: undefined });
    expect(await held(scope)).toEqual({ all: true, subjects: ['bob@contoso.lab'] });
    expect(await releaseHold(database, 'auditor', id, '')).toMatchObject({ releasedBy: 'auditor' });
    expect(await releaseHold(database, 'auditor', id, '')).toBeUndefined();
    expect(await compliance.isHeld(other)).toBe(false);
    const audit = await rig.sql('SELECT by, action FROM audit ORDER BY id');
    expect(audit.map(({ action }) => action)).toEqual([
      'place-hold',
      'place-hold',
      'release-hold',
      'release-hold',
    ]);
  });
});

describe('a query', () => {
  test('finds by room, person, time, kind and words, page by page', async () => {
    const pod = await withEvents(30);
    await rig.publish(
      scope,
      post(scope, 31, { by: 'bob@contoso.lab', body: 'He said "100%_\\" \n and left' }),
    );
    await rig.stored(31);
    const ask = (asked: object) => query(pod.database, 'auditor', asked);
    const seqs = async (asked: object) => (await ask(asked)).events.map(({ seq }) => seq);
    expect(await seqs({ scope: 'sales', by: 'bob@contoso.lab' })).toEqual([31]);
    expect(await seqs({ kinds: ['room-created'] })).toEqual([1]);
    expect(await seqs({ text: 'said "100%_\\" \n AND' })).toEqual([31]);
    expect(await seqs({ text: '%' })).toEqual([31]);
    const at = (seq: number) => new Date(post(scope, seq).at);
    expect(await seqs({ from: at(10), to: at(12) })).toEqual([10, 11]);
    const first = await ask({ scope, limit: 20 });
    const second = await ask({ scope, limit: 20, after: first.next });
    expect([...first.events, ...second.events].map(({ seq }) => seq)).toEqual(
      Array.from({ length: 31 }, (_, i) => i + 1),
    );
    expect(second.next).toBeUndefined();
    await expect(ask({ scope: 'nowhere' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(ask({ after: "1' OR" })).rejects.toMatchObject({ code: 'invalid' });
  });

  test('is in the audit before it is answered, and is not answered when it cannot be', async () => {
    const pod = await withEvents(3);
    await query(pod.database, 'auditor', { text: 'a\0b', reason: 'case 3' });
    const [row] = await rig.sql('SELECT * FROM audit');
    expect(row).toMatchObject({
      by: 'auditor',
      action: 'query',
      detail: { reason: 'case 3', text: 'a\ufffdb' },
    });
    await rig.sql('ALTER TABLE audit RENAME TO elsewhere');
    await expect(query(pod.database, 'auditor', {})).rejects.toThrow('audit');
    const archive = exportArchive(pod.database, 'auditor', { room: scope, reason: '' });
    await expect(archive.next()).rejects.toThrow('audit');
  });
});

describe('an export', () => {
  async function exported(pod: Pod, order: { room?: string; user?: string }): Promise<string> {
    const file = `${temporary(rig.lab, 'export')}.tar`;
    const parts: Buffer[] = [];
    for await (const part of exportArchive(pod.database, 'auditor', { ...order, reason: 'case 4' }))
      parts.push(part);
    writeFileSync(file, Buffer.concat(parts));
    return file;
  }
  function unpacked(file: string): string {
    const folder = file.replace(/\.tar$/, '');
    mkdirSync(folder);
    execFileSync('tar', ['-xf', file, '-C', folder]);
    return folder;
  }
  const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));

  test('of a room proves itself, as an archive and as a folder, by this program and by tar', async () => {
    const pod = await withEvents(6000);
    const file = await exported(pod, { room: 'Sales' });
    const check = await verifyExport(file);
    expect(check).toMatchObject({ problems: [], events: 6000 });
    const folder = unpacked(file);
    expect(await verifyExport(folder)).toEqual(check);
    const head = (await report(pod)).head.toString('hex');
    expect(manifestOf(folder)).toMatchObject({
      by: 'auditor',
      reason: 'case 4',
      of: { room: 'Sales' },
      scopes: [
        { scope, name: 'Sales', events: 6000, firstSeq: 1, lastSeq: 6000, headSeq: 6000, headHash: head },
      ],
    });
    const actions = await rig.sql('SELECT action, detail FROM audit ORDER BY id');
    expect(actions.map(({ action }) => action)).toEqual(['export', 'exported']);
    expect(actions[1].detail.manifest).toBe(check.manifestHash);
    const program = new URL('../../src/compliance/export/verify-export.ts', import.meta.url).pathname;
    expect(
      execFileSync(process.execPath, [program, file, check.manifestHash], { encoding: 'utf8' }),
    ).toContain('6000 events');
    expect(() =>
      execFileSync(process.execPath, [program, file, '0'.repeat(64)], { stdio: 'pipe' }),
    ).toThrow();
  });

  test('of a room shows each alteration, also one in which the manifest was made to fit', async () => {
    const pod = await withEvents(6000);
    const whole = unpacked(await exported(pod, { room: scope }));
    const { files } = manifestOf(whole);
    const [first, second] = files.map(({ path }) => join(whole, path)) as [string, string];
    const problemsWith = async (alter: () => void, restore: () => void): Promise<string> => {
      alter();
      const { problems } = await verifyExport(whole);
      restore();
      expect((await verifyExport(whole)).problems).toEqual([]);
      return problems.join('\n');
    };
    const changed = (path: string, change: (text: string) => string) => {
      const before = readFileSync(path, 'utf8');
      return problemsWith(
        () => writeFileSync(path, change(before)),
        () => writeFileSync(path, before),
      );
    };
    expect(await changed(first, (text) => text.replace('message 77"', 'message 78"'))).toContain(
      'event 77 is altered',
    );
    expect(await changed(first, (text) => text.replace(/.*"seq":77}.*\n/, ''))).toContain('event 78');
    expect(
      await changed(second, (text) => text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)),
    ).toContain('ends at event 5999');
    expect(await changed(first, (text) => `${text}\n`)).toContain('sha256');
    expect(
      await changed(join(whole, MANIFEST), (text) => text.replace('"events": 6000', '"events": 6001')),
    ).toContain('6001');
    expect(await changed(join(whole, MANIFEST), () => 'x')).toContain(MANIFEST);
    expect(
      await problemsWith(
        () => renameSync(second, `${second}.gone`),
        () => renameSync(`${second}.gone`, second),
      ),
    ).toContain('is missing');
    const stray = join(whole, 'stray.ndjson');
    expect(
      await problemsWith(
        () => writeFileSync(stray, ''),
        () => rmSync(stray),
      ),
    ).toContain('not in manifest');
    const { manifestHash } = await verifyExport(whole);
    const text = readFileSync(join(whole, MANIFEST), 'utf8');
    writeFileSync(join(whole, MANIFEST), text.replace('case 4', 'case 5'));
    expect((await verifyExport(whole)).manifestHash).not.toBe(manifestHash);
  });

  test('that was cut off or damaged on its way is found to be so', async () => {
    const pod = await withEvents(50);
    const file = await exported(pod, { room: scope });
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.length - 3000));
    expect((await verifyExport(file)).problems.join()).toContain('cut off');
    bytes[20_000 % bytes.length] = (bytes[20_000 % bytes.length] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect((await verifyExport(file)).problems).not.toEqual([]);
  });

  test('of a room after retention begins with the hash at the cut', async () => {
    const pod = await rig.pod({
      policies: new Map([[scope, { retentionDays: 1, legalHold: false, category: newScope() }]]),
    });
    await rig.publish(scope, ...posts(scope, 1, 5), post(scope, 6, { at: new Date().toISOString() }));
    await rig.stored(6);
    expect(await pod.compliance.applyRetention()).toBe(5);
    const check = await verifyExport(await exported(pod, { room: scope }));
    expect(check).toMatchObject({
      problems: [],
      events: 1,
      manifest: { scopes: [{ cutSeq: 5, firstSeq: 6 }] },
    });
  });

  test('of a user has what the user did and what names the user, out of every room', async () => {
    const pod = await withEvents(10);
    const [other, third] = [newScope(), newScope()];
    await rig.publish(
      other,
      ...posts(other, 1, 3),
      post(other, 4, { by: 'Bob@contoso.lab' }),
      post(other, 5),
    );
    await rig.publish(
      other,
      post(other, 6, { by: 'bob@contoso.lab' }),
      post(other, 7, { mentions: ['bob@contoso.lab'] }),
    );
    await rig.publish(third, post(third, 1, { body: 'bob@contoso.lab is only written here' }));
    await rig.stored(18);
    const file = await exported(pod, { user: 'bob@contoso.lab' });
    const check = await verifyExport(file);
    expect(check).toMatchObject({ problems: [], events: 3 });
    expect(check.manifest?.scopes).toMatchObject([{ scope: other, events: 3, firstSeq: 4, lastSeq: 7 }]);
    const folder = unpacked(file);
    const path = join(folder, check.manifest?.files[0]?.path ?? '');
    writeFileSync(path, readFileSync(path, 'utf8').replace('message 6', 'message 8'));
    expect((await verifyExport(folder)).problems.join()).toContain('event 6 is altered');
    expect(await verifyExport(await exported(pod, { user: 'nobody@contoso.lab' }))).toMatchObject({
      problems: [],
      events: 0,
    });
  });

  test('is refused where the chain is not whole, or nobody knows what of', async () => {
    const pod = await withEvents(10);
    await rig.sql('DELETE FROM events WHERE seq = 5');
    await expect(exported(pod, { room: scope })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('at 5'),
    });
    await expect(exported(pod, { room: 'nowhere' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(exported(pod, {})).rejects.toMatchObject({ code: 'invalid' });
  });
});
