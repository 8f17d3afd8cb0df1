// What is held is there for whoever was told so: on categories with all their rooms, and while others are about to take it away.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { heldIn, placeHold, releaseHold } from '../../src/compliance/holds.ts';
import type { ScopePolicy } from '../../src/compliance/retention.ts';
import { type ComplianceRig, createComplianceRig, newScope, type Pod, post, until } from './rig.ts';

let rig: ComplianceRig;
let scope: string;
let category: string;
beforeAll(async () => {
  rig = await createComplianceRig();
});
afterAll(() => rig.close());
beforeEach(async () => {
  await rig.reset();
  [scope, category] = [newScope(), newScope()];
});

const DAY_MS = 86_400_000;
const old = new Date(Date.now() - 40 * DAY_MS).toISOString();
const aMonth = { retentionDays: 30, legalHold: false, category: newScope() };
const kept = async (id = scope): Promise<number> =>
  Number((await rig.sql('SELECT count(*) FROM events WHERE scope = $1', [id]))[0].count);
const on = (pod: Pod, held: { scope?: string; subject?: string }) =>
  placeHold(pod.database, 'auditor', { name: 'case 1', scope: undefined, subject: undefined, ...held });
const happened = (id: string, seq: number, kind: string, change: object) =>
  ({ ...post(id, seq, { at: old }), kind, name: 'Desk', change }) as never;

/** What says for how long rooms are kept. */
const categoryOf = (id: string, days = 30) =>
  rig.publish(id, happened(id, 1, 'category-created', { retentionDays: days }));

/** Events of a room that was made in the category, all of them old. */
async function room(id: string, count: number): Promise<void> {
  await rig.publish(id, happened(id, 1, 'room-created', { category }));
  for (let seq = 2; seq <= count; seq++) await rig.publish(id, post(id, seq, { at: old }));
}

describe('a hold on a category', () => {
  test('keeps all of its rooms, and those that have been moved away', async () => {
    const [moved, elsewhere] = [newScope(), newScope()];
    const ids = [scope, moved, elsewhere];
    const pod = await rig.pod({ policies: new Map(ids.map((id) => [id, aMonth])) });
    const others = [newScope(), newScope()] as [string, string];
    for (const id of [category, ...others]) await categoryOf(id);
    await room(scope, 3);
    await room(moved, 2);
    await rig.publish(moved, happened(moved, 3, 'room-changed', { category: others[0] }));
    await rig.publish(elsewhere, happened(elsewhere, 1, 'room-created', { category: others[1] }));
    await rig.stored(10);
    const { id } = await on(pod, { scope: category });
    expect(await Promise.all(ids.map((held) => pod.compliance.isHeld(held)))).toEqual([true, true, false]);
    expect(await pod.compliance.applyRetention()).toBe(1);
    expect([await kept(scope), await kept(moved), await kept(elsewhere)]).toEqual([3, 3, 0]);
    await releaseHold(pod.database, 'auditor', id, 'closed');
    expect(await pod.compliance.applyRetention()).toBe(6);
  });

  test('on what a user did there keeps that in all of its rooms', async () => {
    const pod = await rig.pod({ policies: new Map([[scope, aMonth]]) });
    await categoryOf(category);
    await room(scope, 3);
    await rig.publish(scope, post(scope, 4, { at: old, by: 'Bob@contoso.lab' }), post(scope, 5, { at: old }));
    await rig.stored(6);
    await on(pod, { scope: category, subject: 'bob@contoso.lab' });
    expect(await pod.database.use((client) => heldIn(client, scope))).toEqual({
      all: false,
      subjects: ['bob@contoso.lab'],
    });
    expect(await pod.compliance.applyRetention()).toBe(3);
  });

  test('keeps a room that was moved into it, before compliance has heard of that', async () => {
    const other = newScope();
    const pod = await rig.pod({ policies: new Map([[scope, { ...aMonth, category: other }]]) });
    await categoryOf(category);
    await room(scope, 3);
    await rig.stored(4);
    const { id } = await on(pod, { scope: other });
    expect(await pod.compliance.applyRetention()).toBe(0);
    await releaseHold(pod.database, 'auditor', id, 'closed');
    expect(await pod.compliance.applyRetention()).toBe(3);
  });
});

test('the chain of a category is never cut off: it says who was allowed what, and for how long rooms were kept', async () => {
  const policies = new Map<string, ScopePolicy>([
    [scope, aMonth],
    [category, { ...aMonth, category: undefined }],
  ]);
  const pod = await rig.pod({ policies });
  await categoryOf(category);
  await rig.publish(category, happened(category, 2, 'access-changed', {}));
  await room(scope, 2);
  await rig.stored(4);
  expect(await pod.compliance.applyRetention()).toBe(2);
  expect([await kept(category), await kept(scope)]).toEqual([2, 0]);
  // By one of both it is known to be a category: by its chain when it is deleted, and by the rooms' own tables.
  await rig.sql('UPDATE chains SET is_category = false');
  expect(await pod.compliance.applyRetention()).toBe(0);
  await rig.sql('UPDATE chains SET is_category = scope = $1, retention_days = 30', [category]);
  policies.delete(category);
  expect(await pod.compliance.applyRetention()).toBe(0);
  expect(await kept(category)).toBe(2);
});

describe('a hold that is placed while somebody takes something away', () => {
  test("is seen by retention that has begun, where it is the room's own", async () => {
    let asked = 0;
    // Set after retention has looked at all rooms, and before it is at this one.
    const policies = async (): Promise<Map<string, ScopePolicy>> =>
      new Map([[scope, { ...aMonth, legalHold: asked++ > 0 }]]);
    const pod = await rig.pod({ policies });
    await categoryOf(category);
    await room(scope, 3);
    await rig.stored(4);
    expect(await pod.compliance.applyRetention()).toBe(0);
    expect(asked).toBeGreaterThan(1);
  });

  test('is answered when retention that has not seen it is over', async () => {
    let answered: Promise<number> | undefined;
    const policies = async (): Promise<Map<string, ScopePolicy>> => {
      const [cutting] = await rig.sql(
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'",
      );
      if (cutting && answered === undefined) {
        let isAnswered = false;
        answered = pod.compliance.holdsAreSeen().then(() => {
          isAnswered = true;
          return kept();
        });
        await Promise.race([rig.lockAwaited(), until(() => isAnswered)]);
      }
      return new Map([[scope, aMonth]]);
    };
    const pod = await rig.pod({ policies });
    await categoryOf(category);
    await room(scope, 3);
    await rig.stored(4);
    expect(await pod.compliance.applyRetention()).toBe(3);
    expect(await answered).toBe(0);
  });

  test('waits for the end of what is taken away, which nobody held when it began', async () => {
    const pod = await rig.pod();
    const order: string[] = [];
    let placing: Promise<unknown> | undefined;
    const result = await pod.compliance.withHolds(async (holds) => {
      expect(await holds.of(scope)).toEqual({ all: false, subjects: [] });
      placing = on(pod, { scope }).then(() => order.push('held'));
      await Promise.race([rig.lockAwaited(), placing]);
      expect(await holds.of(scope, category)).toEqual({ all: false, subjects: [] });
      await holds.stand();
      order.push('taken away');
      return 7;
    });
    await placing;
    expect([result, ...order]).toEqual([7, 'taken away', 'held']);
    await pod.compliance.withHolds(async (holds) => {
      expect(await holds.of(scope)).toEqual({ all: true, subjects: [] });
    });
  });

  test('is not seen by whoever stood still for too long: that one fails, and nobody else', async () => {
    const pod = await rig.pod();
    const standing = pod.database.transaction(async (client) => {
      const ended = new Promise((resolve) => client.once('end', resolve));
      await client.query("SET LOCAL idle_in_transaction_session_timeout = '1ms'");
      await ended;
      await client.query('SELECT 1');
    });
    await expect(standing).rejects.toMatchObject({ message: expect.stringContaining('stood still') });
    expect(pod.database.available).toBe(true);
  });

  test('may have been, where the store was lost meanwhile: nothing is taken away then', async () => {
    const pod = await rig.pod();
    const lost = pod.compliance.withHolds(async (holds) => {
      await rig.sql(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
      await holds.stand();
    });
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    await until(() => pod.database.available);
    const failed = pod.compliance.withHolds(async () => {
      throw new Error('the room was gone');
    });
    await expect(failed).rejects.toThrow('the room was gone');
    // And nobody waits for it.
    await on(pod, { scope });
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
