// Questions are answered, and written down before.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exportArchive } from '../../src/compliance/export/export.ts';
import { query } from '../../src/compliance/query.ts';
import { withEvents } from './chains.ts';
import { type ComplianceRig, createComplianceRig, newScope, post } from './rig.ts';

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

describe('a query', () => {
  test('finds by room, person, time, kind and words, page by page', async () => {
    const pod = await withEvents(rig, scope, 30);
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
    const pod = await withEvents(rig, scope, 3);
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
