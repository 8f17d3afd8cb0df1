// What somebody does who may write in the database, and who is no part of the role: it shows.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audited } from '../../src/compliance/audit.ts';
import { canonical } from '../../src/compliance/canonical.ts';
import { link, NO_HASH } from '../../src/compliance/chain.ts';
import { exportArchive } from '../../src/compliance/export/export.ts';
import type { Manifest } from '../../src/compliance/export/manifest.ts';
import { placeHold, releaseHold } from '../../src/compliance/holds.ts';
import { complianceMigrations } from '../../src/compliance/migrations.ts';
import { query } from '../../src/compliance/query.ts';
import { type Anchor, type Finding, MENTIONED_ONLY, verifyAll } from '../../src/compliance/verify.ts';
import { type ComplianceRig, createComplianceRig, newScope, type Pod, post, posts } from './rig.ts';

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

/** What is wrong, by chain. */
async function findings(pod: Pod, anchors: Anchor[] = []): Promise<Record<string, Finding>> {
  const found: Record<string, Finding> = {};
  for await (const { scope: id, finding } of verifyAll(pod.database, anchors))
    if (finding) found[id] = finding;
  return found;
}

const hashOf = async (seq: number): Promise<Buffer> =>
  (await rig.sql('SELECT hash FROM events WHERE scope = $1 AND seq = $2', [scope, seq]))[0].hash;

/** As retention would, without saying so. */
async function cutByHand(to: number): Promise<void> {
  await rig.sql('UPDATE chains SET cut_seq = $2, cut_hash = $3 WHERE scope = $1', [
    scope,
    to,
    await hashOf(to),
  ]);
  await rig.sql('DELETE FROM events WHERE scope = $1 AND seq <= $2', [scope, to]);
}

describe('the front of a chain', () => {
  /** Twenty events, of which retention may delete the first ten. */
  async function aged(): Promise<Pod> {
    const pod = await rig.pod({
      policies: new Map([[scope, { retentionDays: 30, legalHold: false, category: newScope() }]]),
    });
    const old = new Date(Date.now() - 40 * 86_400_000).toISOString();
    for (let seq = 1; seq <= 20; seq++)
      await rig.publish(scope, post(scope, seq, { at: seq <= 10 ? old : new Date().toISOString() }));
    await rig.stored(20);
    return pod;
  }

  test('that somebody else than retention has cut off is missing', async () => {
    const pod = await aged();
    await cutByHand(4);
    expect((await findings(pod))[scope]).toEqual({
      problem: 'missing',
      seq: 1,
      detail: expect.stringContaining('events 1 to 4 are not there, and the audit does not say'),
    });
  });

  test('that retention has cut off is in the audit: what is gone beyond that is missing', async () => {
    const pod = await aged();
    expect(await pod.compliance.applyRetention()).toBe(10);
    expect(await findings(pod)).toEqual({});
    await cutByHand(13);
    expect((await findings(pod))[scope]).toMatchObject({ problem: 'missing', seq: 11 });
  });

  test('has the hash at its end in the audit, and is missing where that is taken out', async () => {
    const pod = await aged();
    await pod.compliance.applyRetention();
    await rig.sql('UPDATE chains SET cut_hash = sha256(cut_hash)');
    expect((await findings(pod))[scope]).toMatchObject({ problem: 'altered', seq: 10 });
    await rig.sql("DELETE FROM audit WHERE action = 'retention'");
    expect(await findings(pod)).toMatchObject({
      [scope]: { problem: 'missing', seq: 1 },
      audit: { problem: 'missing', seq: 1 },
    });
  });

  test('that was cut off in many goes is accounted for one after the other', async () => {
    const pod = await aged();
    await pod.compliance.applyRetention();
    await rig.sql("UPDATE events SET at = at - interval '40 days' WHERE seq <= 15");
    expect(await pod.compliance.applyRetention()).toBe(5);
    expect(await rig.sql("SELECT detail->'first' AS f, detail->'last' AS l FROM audit ORDER BY seq")).toEqual(
      [
        { f: 1, l: 10 },
        { f: 11, l: 15 },
      ],
    );
    expect(await findings(pod)).toEqual({});
    await rig.sql('DELETE FROM audit WHERE seq = 1');
    expect((await findings(pod))[scope]).toMatchObject({ problem: 'missing', seq: 1 });
  });

  test('is cut off only after as many days as the category has said, on record', async () => {
    const category = newScope();
    let retentionDays = 20;
    const pod = await rig.pod({
      policies: async () => new Map([[scope, { retentionDays, legalHold: false, category }]]),
    });
    const at = new Date(Date.now() - 40 * 86_400_000).toISOString();
    const happened = (id: string, seq: number, kind: string, change: object) =>
      rig.publish(id, { ...post(id, seq, { at }), kind, name: 'Desk', change } as never);
    await happened(category, 1, 'category-created', { retentionDays: null });
    await happened(category, 2, 'category-changed', { retentionDays: 30 });
    await happened(scope, 1, 'room-created', { category });
    await rig.publish(scope, post(scope, 2, { at }), post(scope, 3));
    await rig.stored(5);
    // Somebody wrote it where rooms are.
    expect(await pod.compliance.applyRetention()).toBe(0);
    expect(rig.log()).toContain('no category of this room is known to have said so many days');
    retentionDays = 30;
    await rig.sql('UPDATE events SET at = now() WHERE scope = $1 AND seq = 3', [scope]);
    expect(await pod.compliance.applyRetention()).toBe(2);
    await rig.sql('UPDATE events SET at = $2 WHERE scope = $1 AND seq = 3', [scope, post(scope, 3).at]);
    expect(await findings(pod)).toEqual({});
    const hash = await hashOf(3);
    await pod.database.transaction((client) =>
      audited(client, 'retention', 'retention', {
        scope,
        days: 1,
        first: 3,
        last: 3,
        hash: hash.toString('hex'),
      }),
    );
    await cutByHand(3);
    expect(await findings(pod)).toMatchObject({ [scope]: { problem: 'altered', seq: 3 } });
  });

  test('is cut off as well where the category of the room is older than compliance', async () => {
    const pod = await aged();
    await rig.sql('INSERT INTO room_categories VALUES ($1, $2)', [scope, newScope()]);
    expect(await pod.compliance.applyRetention()).toBe(10);
    expect(await findings(pod)).toEqual({});
  });

  test('proves nothing of the hashes that are known of it, but for those at a cut, and says so', async () => {
    const pod = await aged();
    const [third, tenth] = [await hashOf(3), await hashOf(10)];
    await pod.compliance.applyRetention();
    const found = async (...known: [number, Buffer][]) =>
      (
        await findings(
          pod,
          known.map(([seq, hash]) => ({ scope, seq, hash })),
        )
      )[scope];
    expect(await found([3, third])).toEqual({
      problem: 'unprovable',
      seq: 3,
      detail: expect.stringContaining(
        'deleted events up to 10: whether event 3 had the hash given cannot be shown',
      ),
    });
    expect(await found([10, tenth])).toBeUndefined();
    expect(await found([3, third], [10, third])).toMatchObject({ problem: 'altered', seq: 10 });
  });

  test('is there where a whole scope is not, as the audit tells of it', async () => {
    const pod = await aged();
    await pod.compliance.applyRetention();
    await rig.sql('DELETE FROM events');
    await rig.sql('DELETE FROM chains');
    expect((await findings(pod))[scope]).toMatchObject({ problem: 'missing', seq: 1 });
  });

  test('is looked for without going through all chains for each that is mentioned', async () => {
    const pod = await aged();
    const entry = { scope: 'no id', days: 30, first: 1, last: 3 };
    await pod.database.transaction((client) => audited(client, 'retention', 'retention', entry));
    expect(await findings(pod)).toEqual({ 'no id': expect.objectContaining({ problem: 'missing' }) });
    const plan = await rig.sql(`EXPLAIN ${MENTIONED_ONLY}`);
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('SubPlan');
  });
});

describe('the audit', () => {
  async function audited(): Promise<Pod> {
    const pod = await rig.pod();
    for (const reason of ['case 1', 'case 2', 'case 3']) await query(pod.database, 'auditor', { reason });
    expect(await findings(pod)).toEqual({});
    return pod;
  }

  test.each([
    ['who asked', "UPDATE audit SET by = 'nobody' WHERE seq = 2", 'altered', 2],
    ['when', "UPDATE audit SET at = at + interval '1 us' WHERE seq = 2", 'altered', 2],
    ['what', "UPDATE audit SET action = 'list-holds' WHERE seq = 2", 'altered', 2],
    ['why', `UPDATE audit SET detail = '{"reason": "case 9"}' WHERE seq = 2`, 'altered', 2],
    ['that it was asked', 'DELETE FROM audit WHERE seq = 2', 'missing', 2],
    ['that it was asked last', 'DELETE FROM audit WHERE seq = 3', 'missing', 3],
    ['where it ends', 'UPDATE audit_head SET seq = 2', 'altered', 2],
    ['that it ends', 'DELETE FROM audit_head', 'missing', 0],
  ])('shows that somebody changed %s', async (_, statement, problem, seq) => {
    const pod = await audited();
    await rig.sql(statement);
    expect((await findings(pod)).audit).toMatchObject({ problem, seq });
  });

  test('shows what was put in by another way', async () => {
    const pod = await audited();
    await rig.sql(
      "INSERT INTO audit (seq, by, action, detail, hash) VALUES (4, 'auditor', 'retention', '{}', sha256('x'))",
    );
    expect((await findings(pod)).audit).toMatchObject({ problem: 'extra', seq: 4 });
  });

  test('whose end was taken out, with all that says so, is known from an export', async () => {
    const pod = await audited();
    await rig.publish(scope, ...posts(scope, 1, 3));
    await rig.stored(3);
    const { audit } = await manifestOf(pod);
    const anchors = [{ scope: 'audit', seq: audit?.seq ?? 0, hash: Buffer.from(audit?.hash ?? '', 'hex') }];
    expect(await findings(pod, anchors)).toEqual({});
    await rig.sql('DELETE FROM audit WHERE seq > 2');
    await rig.sql('UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)');
    expect(await findings(pod)).toEqual({});
    expect(await findings(pod, anchors)).toMatchObject({ audit: { problem: 'missing', seq: 3 } });
    await query(pod.database, 'auditor', {});
    await query(pod.database, 'auditor', {});
    expect(await findings(pod, anchors)).toMatchObject({ audit: { problem: 'altered', seq: 4 } });
  });

  test('is written by many pods without a gap', async () => {
    const pods = await Promise.all([rig.pod(), rig.pod()]);
    await Promise.all(
      Array.from({ length: 40 }, (_, turn) => query((pods[turn % 2] as Pod).database, 'auditor', {})),
    );
    expect(await rig.sql('SELECT seq FROM audit_head')).toEqual([{ seq: '40' }]);
    expect(await findings(pods[0] as Pod)).toEqual({});
  });

  async function manifestOf(pod: Pod): Promise<Manifest> {
    const parts: Buffer[] = [];
    for await (const part of exportArchive(pod.database, 'auditor', { room: scope, reason: 'case 4' }))
      parts.push(part);
    const text = Buffer.concat(parts).toString();
    const from = text.lastIndexOf('{\n  "format"');
    return JSON.parse(text.slice(from, text.indexOf('\n}\n', from) + 2));
  }
});

describe('legal holds', () => {
  async function held(): Promise<Pod> {
    const pod = await rig.pod();
    await placeHold(pod.database, 'auditor', { name: 'case 1', scope, subject: undefined });
    const { id } = await placeHold(pod.database, 'auditor', {
      name: 'case 2',
      scope: undefined,
      subject: 'Bob@contoso.lab',
    });
    await releaseHold(pod.database, 'auditor', id, 'closed');
    await releaseHold(pod.database, 'auditor', id, 'there is none');
    expect(await findings(pod)).toEqual({});
    return pod;
  }

  test.each([
    [
      'released',
      "UPDATE legal_holds SET released_at = now(), released_by = 'x' WHERE name = 'case 1'",
      'altered',
      1,
    ],
    ['put on something else', "UPDATE legal_holds SET scope = id WHERE name = 'case 1'", 'altered', 1],
    ['made narrower', "UPDATE legal_holds SET subject = 'x' WHERE name = 'case 1'", 'altered', 1],
    ['taken out', "DELETE FROM legal_holds WHERE name = 'case 1'", 'missing', 1],
    ['placed again', "UPDATE legal_holds SET released_at = NULL WHERE name = 'case 2'", 'altered', 3],
    [
      'put in',
      "INSERT INTO legal_holds (id, name, placed_by) VALUES (gen_random_uuid(), 'case 3', 'auditor')",
      'extra',
      0,
    ],
  ])('show that one was %s by another way', async (_, statement, problem, seq) => {
    const pod = await held();
    await rig.sql(statement);
    expect(await findings(pod)).toEqual({
      'legal-holds': { problem, seq, detail: expect.stringContaining('hold') },
    });
  });

  test('on a category show that a room is not found by them any more', async () => {
    const [pod, category] = [await rig.pod(), newScope()];
    await rig.publish(scope, {
      ...post(scope, 1),
      kind: 'room-created',
      name: 'Desk',
      change: { category },
    } as never);
    await rig.stored(1);
    expect(await findings(pod)).toEqual({});
    await rig.sql('DELETE FROM room_categories');
    expect((await findings(pod))[scope]).toMatchObject({ problem: 'altered', seq: 1 });
  });
});

describe('the tables of an earlier release', () => {
  test('are taken over: what was audited, held and cut off is proved from then on', async () => {
    const category = newScope();
    await earlier(category);
    const policies = new Map([[scope, { retentionDays: 30, legalHold: false, category: newScope() }]]);
    const pod = await rig.pod({ policies });
    expect(await findings(pod)).toEqual({});
    const audit = await rig.sql('SELECT seq, action FROM audit ORDER BY seq');
    expect(audit.map(({ seq, action }) => `${seq} ${action}`)).toEqual([
      '1 place-hold',
      '2 release-hold',
      '3 retention',
      '4 carry-hold',
      '5 carry-hold',
    ]);
    expect(await rig.sql('SELECT is_category FROM chains ORDER BY scope = $1', [scope])).toEqual([
      { is_category: true },
      { is_category: false },
    ]);
    // The room was made in this category.
    await placeHold(pod.database, 'auditor', { name: 'case 3', scope: category, subject: undefined });
    expect(await pod.compliance.applyRetention()).toBe(0);
    expect(await pod.compliance.isHeld(scope)).toBe(true);
    await rig.sql("UPDATE legal_holds SET released_at = NULL WHERE name = 'case 1'");
    expect(await findings(pod)).toMatchObject({ 'legal-holds': { problem: 'altered' } });
  });

  test('had pods that write while it is replaced: they know nothing of categories', async () => {
    const [category, later, moved] = [newScope(), newScope(), newScope()];
    await tables('0004');
    // Before there are triggers, and after.
    await chained(category, [{ kind: 'category-created', name: 'Desks', change: { retentionDays: 30 } }]);
    await chained(scope, [{ kind: 'room-created', name: 'Desk', change: { category } }]);
    const pod = await rig.pod();
    await chained(later, [{ kind: 'category-created', name: 'Labs', change: { retentionDays: 60 } }]);
    const toLater = { kind: 'room-changed', name: 'Lab', change: { category: later } };
    await chained(moved, [{ kind: 'room-created', name: 'Lab', change: { category } }, {}, toLater, toLater]);
    expect(await findings(pod)).toEqual({});
    expect(await rig.sql('SELECT scope FROM chains WHERE is_category ORDER BY scope')).toEqual(
      [category, later].sort().map((id) => ({ scope: id })),
    );
    await placeHold(pod.database, 'auditor', { name: 'case 4', scope: category, subject: undefined });
    expect([await pod.compliance.isHeld(scope), await pod.compliance.isHeld(moved)]).toEqual([true, true]);
  });

  test('may have cut off in which category a room was made: what another one says is no measure', async () => {
    const [first, second] = [newScope(), newScope()];
    await tables('0003');
    await chained(first, [{ kind: 'category-created', name: 'Desks', change: { retentionDays: 30 } }]);
    await chained(second, [{ kind: 'category-created', name: 'Labs', change: { retentionDays: 60 } }]);
    const toSecond = { kind: 'room-changed', name: 'Lab', change: { category: second } };
    await chained(scope, [{ kind: 'room-created', name: 'Lab', change: { category: first } }, {}, toSecond]);
    await cutByHand(2);
    await rig.sql("INSERT INTO audit (by, action, detail) VALUES ('retention', 'retention', $1)", [
      { scope, days: 30, first: 1, last: 2 },
    ]);
    expect(await findings(await rig.pod())).toEqual({});
  });

  /** A room of which the first two events are cut off, its category, and two holds, one of them released. */
  async function earlier(category: string): Promise<void> {
    await tables('0003');
    await chained(category, [{ kind: 'category-created', name: 'Desks', change: { retentionDays: 30 } }]);
    const created = { kind: 'room-created', name: 'Desk', change: { category } };
    await chained(scope, [{}, {}, created, { body: '"category":"no"' }]);
    await rig.sql(
      'UPDATE chains SET cut_seq = 2, cut_hash = (SELECT hash FROM events WHERE scope = $1 AND seq = 2) WHERE scope = $1',
      [scope],
    );
    await rig.sql('DELETE FROM events WHERE scope = $1 AND seq <= 2', [scope]);
    const audited = `INSERT INTO audit (by, action, detail) VALUES ('auditor', $1, $2)`;
    await rig.sql(audited, ['place-hold', { name: 'case 1', subject: 'bob@contoso.lab' }]);
    await rig.sql(audited, ['release-hold', { id: newScope(), why: 'closed' }]);
    await rig.sql(audited, ['retention', { scope, days: 30, first: 1, last: 2 }]);
    const hold =
      'INSERT INTO legal_holds (id, name, subject, placed_by, released_at, released_by) VALUES ($1, $2, $3, $4, $5, $6)';
    await rig.sql(hold, [newScope(), 'case 1', 'bob@contoso.lab', 'auditor', new Date(), 'auditor']);
    await rig.sql(hold, [newScope(), 'case 2', 'carol@contoso.lab', 'auditor', null, null]);
  }

  /** As they were before this file. */
  async function tables(before: string): Promise<void> {
    const { folder } = complianceMigrations;
    const files = readdirSync(folder).filter((file) => file < before);
    for (const file of files) await rig.sql(readFileSync(new URL(file, folder), 'utf8'));
    await rig.sql(
      'CREATE TABLE migrations (number int PRIMARY KEY, file text NOT NULL, at timestamptz NOT NULL DEFAULT now())',
    );
    for (const file of files)
      await rig.sql('INSERT INTO migrations (number, file) VALUES ($1, $2)', [
        Number(file.slice(0, 4)),
        file,
      ]);
  }

  /** As a pod of an earlier release stores events. */
  async function chained(id: string, events: object[]): Promise<void> {
    let hash: Buffer = NO_HASH;
    await rig.sql('INSERT INTO chains (scope) VALUES ($1)', [id]);
    for (const [index, more] of events.entries()) {
      const event = post(id, index + 1, more as Record<string, unknown>);
      const text = canonical(event);
      hash = link(hash, text);
      await rig.sql(
        'INSERT INTO events (scope, seq, at, kind, by, event, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)',
        [id, event.seq, event.at, event.kind, event.by, text, hash],
      );
    }
    await rig.sql('UPDATE chains SET seq = $2, hash = $3 WHERE scope = $1', [id, events.length, hash]);
  }
});
