import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { placeHold, releaseHold } from '../../src/compliance/holds.ts';
import type { ScopePolicy } from '../../src/compliance/retention.ts';
import { report } from './chains.ts';
import { type ComplianceRig, createComplianceRig, newScope, post, temporary, until } from './rig.ts';

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
    expect(await report(pod, scope)).toMatchObject({
      firstSeq: 11,
      lastSeq: 20,
      events: 10,
      finding: undefined,
    });
    await rig.publish(scope, post(scope, 21), post(scope, 3));
    await rig.stored(11);
    await until(async () => (await rig.queued()) === 0);
    expect((await report(pod, scope)).finding).toBeUndefined();
    expect([await kept(), await pod.counted('conflict'), await pod.counted('double')]).toEqual([11, 0, 1]);
    await rig.sql("UPDATE events SET event = replace(event, 'message 11', 'message 12') WHERE seq = 11");
    expect((await report(pod, scope)).finding).toMatchObject({ problem: 'altered', seq: 11 });
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
    expect((await report(pod, scope)).finding).toBeUndefined();
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
    expect((await report(pod, scope)).finding).toMatchObject({ problem: 'missing', seq: 8 });
  });
});
