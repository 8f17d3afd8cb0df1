// Four eyes with the real role: what one administrator wants to take out of the compliance store another one has to approve.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { verifyExport } from '../../services/persistent-chat/src/compliance/export/verify-export.ts';
import { createRig, type Rig } from '../../services/persistent-chat/test/rig.ts';
import { runCommandLine } from '../src/command-line.ts';

type TlsFiles = Awaited<ReturnType<Rig['lab']['tls']>>;

let rig: Rig;
let pod: string;
let folder: string;

interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** As this administrator, who is known by the name in the certificate. */
async function as(name: string, ...args: string[]): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const where = ['--home', join(folder, name), '--pod', pod];
  const code = await runCommandLine([...args, ...where], {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
  });
  return { code, out: out.join(''), err: err.join('') };
}
const because = ['--reason', 'case 12'];
const archive = (): string => join(folder, 'desk.tar');
const write = (by: string, order: string): Promise<Outcome> =>
  as(by, 'compliance', 'export', '--order', order, '--to', archive(), ...because);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'linchpin-four-eyes-'));
  rig = await createRig();
  const { port, passwordFile } = rig.lab.postgres;
  const postgres = { host: '127.0.0.1', port, user: 'linchpin', database: 'mgccomp', passwordFile };
  const { started } = await rig.another({ compliance: { postgres, fourEyes: true } });
  pod = `127.0.0.1:${started.rpc.port}`;
  for (const name of ['auditor', 'counsel']) await makeHome(name, await rig.lab.tls('admin', name));
  await makeHome('edge', await rig.lab.tls('edge'));
  expect((await as('auditor', 'create', 'category', 'Trading', 'allowed=domain:contoso.lab')).err).toBe('');
  expect((await as('auditor', 'create', 'room', 'Desk', 'category=Trading')).err).toBe('');
  await vi.waitFor(
    async () => {
      const { out } = await as('auditor', 'compliance', 'query', '--room', 'Desk', ...because);
      expect(out).toContain('room-created');
    },
    { timeout: 15_000, interval: 100 },
  );
});
async function makeHome(name: string, { ca, cert, key }: TlsFiles): Promise<void> {
  const pki = join(folder, name, 'pki');
  await mkdir(pki, { recursive: true });
  const settings = {
    formatVersion: 1,
    domain: 'contoso.lab',
    portOffset: 0,
    listen: '127.0.0.1',
    samples: true,
  };
  await writeFile(join(folder, name, 'linchpin.json'), JSON.stringify(settings));
  await copyFile(ca, join(pki, 'ca.pem'));
  await copyFile(cert, join(pki, 'admin.pem'));
  await copyFile(key, join(pki, 'admin.key'));
}
afterAll(async () => {
  await rig?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('an export is written when another administrator has approved it, by who has asked for it', async () => {
  expect(
    await as('auditor', 'compliance', 'export', '--room', 'Desk', '--to', archive(), ...because),
  ).toEqual({
    code: 1,
    out: '',
    err: 'linchpin: another administrator has to approve an export: request it first\n',
  });
  const ordered = await as('auditor', 'compliance', 'order', '--room', 'Desk', ...because, '-o', 'json');
  expect(ordered.code).toBe(0);
  const { id } = JSON.parse(ordered.out) as { id: string };
  expect((await write('auditor', id)).err).toBe('linchpin: nobody has approved this export yet\n');
  expect(await as('auditor', 'compliance', 'approve', id)).toEqual({
    code: 1,
    out: '',
    err: 'linchpin: who has asked for an export cannot approve it\n',
  });
  expect((await as('counsel', 'compliance', 'orders')).out).toMatch(
    new RegExp(`^${id} .* auditor .* -$`, 'm'),
  );
  expect((await as('counsel', 'compliance', 'approve', id)).out).toMatch(/ by counsel$/m);
  expect(await write('counsel', id)).toMatchObject({
    code: 1,
    err: expect.stringContaining('you have not asked'),
  });
  expect(existsSync(archive())).toBe(false);
  expect(await write('auditor', id)).toMatchObject({ code: 0, err: '' });
  expect((await verifyExport(archive())).problems).toEqual([]);
});

test('who shows no certificate of an administrator is told so', async () => {
  const { code, err } = await as('edge', 'compliance', 'orders');
  expect(code).toBe(1);
  expect(err).toMatch(/may not call this.* Use a certificate for role admin\.\n$/);
});

test.each([
  ['an order that is none', ['approve', 'seven'], 'id: must be an id'],
  ['an order that nobody made', ['approve', '6f1c2f0e-5f3e-4b39-9f0c-111111111111'], 'nobody has asked for'],
  [
    'a hold that nobody placed',
    ['release', '6f1c2f0e-5f3e-4b39-9f0c-111111111111', ...because],
    'there is no hold',
  ],
  ['a hold for nothing', ['hold', ' '], 'name: must say what the hold is for'],
  ['a room that there never was', ['order', '--room', 'Nowhere', ...because], 'Nowhere'],
  ['an order without a reason', ['order', '--room', 'Desk', '--reason', ' '], 'must say why'],
  ['a time that is none', ['query', '--from', 'yesterday', ...because], 'from: must be a time'],
])('%s is refused with code 1', async (_, args, said) => {
  const { code, out, err } = await as('auditor', 'compliance', ...args);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain(said);
});
