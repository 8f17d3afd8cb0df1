// `linchpin compliance verify-export`, as an auditor runs it who has an export and nothing else.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canonical } from '../../services/persistent-chat/src/compliance/canonical.ts';
import { link } from '../../services/persistent-chat/src/compliance/chain.ts';
import { EXPORT_FORMAT } from '../../services/persistent-chat/src/compliance/export/manifest.ts';
import { runCommandLine } from '../src/command-line.ts';

const SCOPE = '6f1c2f0e-5f3e-4b39-9f0c-111111111111';
const START = '0'.repeat(64);
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

let folder: string;
let manifestHash: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'linchpin-export-'));
  mkdirSync(join(folder, 'events'));
  manifestHash = writeExport('gold');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** One event in one file; returns the hash of the manifest. */
function writeExport(body: string): string {
  const event = { scope: SCOPE, seq: 1, kind: 'post', body };
  const hash = link(Buffer.from(START, 'hex'), canonical(event)).toString('hex');
  const content = `${JSON.stringify({ event, hash, previous: START })}\n`;
  const counts = { scope: SCOPE, events: 1, firstSeq: 1, lastSeq: 1 };
  const file = { ...counts, path: 'events/1.ndjson', bytes: content.length, sha256: sha256(content) };
  const chain = { ...counts, cutSeq: 0, cutHash: START, headSeq: 1, headHash: hash };
  const manifest = { format: EXPORT_FORMAT, of: { room: 'Desk' }, files: [file], scopes: [chain] };
  writeFileSync(join(folder, 'events/1.ndjson'), content);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return sha256(JSON.stringify(manifest));
}

async function verify(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommandLine(['compliance', 'verify-export', ...args], {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
  });
  return { code, out: out.join(''), err: err.join('') };
}

describe('an export', () => {
  test('that is whole is said to be so, with what the audit has to be asked for', async () => {
    const out = `whole: 1 events; manifest.json ${manifestHash}\n`;
    expect(await verify(folder)).toEqual({ code: 0, out, err: '' });
    expect(await verify(folder, manifestHash)).toEqual({ code: 0, out, err: '' });
  });

  test('with another manifest than the audit has is not believed', async () => {
    expect(await verify(folder, START)).toEqual({
      code: 1,
      out: '',
      err: `manifest.json has the hash ${manifestHash}, not ${START}\nlinchpin: ${folder} is not as it was exported\n`,
    });
  });

  test('that has what its manifest does not name is shown to, and steers no terminal', async () => {
    writeFileSync(join(folder, 'events/\u001b[2J'), '');
    const { code, err } = await verify(folder);
    expect([code, err]).toEqual([1, expect.stringContaining('events/\u{fffd}[2J is not in manifest.json\n')]);
  });

  test('that is not there is a mistake of the command line', async () => {
    expect(await verify(join(folder, 'none.tar'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('linchpin: Cannot read the export: ENOENT'),
    });
    expect((await verify()).code).toBe(2);
  });

  test('is not called whole with an empty hash, as of a variable that is not set', async () => {
    expect(await verify(folder, '')).toMatchObject({
      ...{ code: 2, out: '' },
      err: expect.stringContaining('linchpin: The hash is empty'),
    });
  });

  test('is not called altered where the program to check it is missing', async () => {
    vi.resetModules();
    vi.doMock('../src/installation/home.ts', () => ({ REPOSITORY: folder }));
    const { verifyExport } = await import('../src/commands/verify-export.ts');
    await expect(verifyExport(folder)).rejects.toMatchObject({
      message: expect.stringContaining('images of Persistent Chat'),
      exitCode: 2,
    });
    vi.doUnmock('../src/installation/home.ts');
  });
});
