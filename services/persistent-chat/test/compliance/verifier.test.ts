// Alterations are found, and where they are.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { link, NO_HASH } from '../../src/compliance/chain.ts';
import { verifyAll } from '../../src/compliance/verify.ts';
import { report, withEvents } from './chains.ts';
import { type ComplianceRig, createComplianceRig, newScope, posts } from './rig.ts';

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

describe('the verifier', () => {
  test('computes a chain again over many pages', async () => {
    const pod = await withEvents(rig, scope, 2500);
    const { events, finding, head, ...rest } = await report(pod, scope);
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
    const pod = await withEvents(rig, scope, 1300);
    await rig.sql(statement);
    expect((await report(pod, scope)).finding).toMatchObject({ problem, seq: 1234 });
  });

  test('finds what was put in at either end, and a head that is not that of the last event', async () => {
    const pod = await withEvents(rig, scope, 10);
    const copy = (seq: number) =>
      rig.sql(
        'INSERT INTO events SELECT scope, $1, at, kind, by, event, hash, stored_at FROM events WHERE seq = 5',
        [seq],
      );
    await copy(11);
    expect((await report(pod, scope)).finding).toMatchObject({ problem: 'extra', seq: 11 });
    await rig.sql('DELETE FROM events WHERE seq = 11');
    await copy(0);
    expect((await report(pod, scope)).finding).toMatchObject({ problem: 'extra', seq: 0 });
    await rig.sql('DELETE FROM events WHERE seq = 0');
    expect((await report(pod, scope)).finding).toBeUndefined();
    await rig.sql('UPDATE chains SET hash = sha256(hash)');
    expect((await report(pod, scope)).finding).toMatchObject({ problem: 'altered', seq: 10 });
  });

  test('finds a chain that was computed anew from end to end, by a hash that is known from elsewhere', async () => {
    const pod = await withEvents(rig, scope, 20);
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
    expect((await report(pod, scope)).finding).toBeUndefined();
    expect((await report(pod, scope, [anchor])).finding).toMatchObject({ problem: 'altered', seq: 15 });
  });

  test('says of all chains which one it is, also where the chain itself is gone', async () => {
    const pod = await withEvents(rig, scope, 10);
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
