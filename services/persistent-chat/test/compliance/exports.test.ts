// Exports prove themselves, to whoever has nothing else.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exportArchive } from '../../src/compliance/export/export.ts';
import { MANIFEST, type Manifest } from '../../src/compliance/export/manifest.ts';
import { verifyExport } from '../../src/compliance/export/verify-export.ts';
import { report, withEvents } from './chains.ts';
import {
  type ComplianceRig,
  createComplianceRig,
  newScope,
  type Pod,
  post,
  posts,
  temporary,
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
    const pod = await withEvents(rig, scope, 6000);
    const file = await exported(pod, { room: 'Sales' });
    const check = await verifyExport(file);
    expect(check).toMatchObject({ problems: [], events: 6000 });
    const folder = unpacked(file);
    expect(await verifyExport(folder)).toEqual(check);
    const head = (await report(pod, scope)).head.toString('hex');
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
    const pod = await withEvents(rig, scope, 6000);
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
    const pod = await withEvents(rig, scope, 50);
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
    const pod = await withEvents(rig, scope, 10);
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
    const pod = await withEvents(rig, scope, 10);
    await rig.sql('DELETE FROM events WHERE seq = 5');
    await expect(exported(pod, { room: scope })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('at 5'),
    });
    await expect(exported(pod, { room: 'nowhere' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(exported(pod, {})).rejects.toMatchObject({ code: 'invalid' });
  });
});
