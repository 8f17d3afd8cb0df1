import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite } from './site.ts';

let dir: string;
const inside = (name: string) => join(dir, name);

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'linchpin-site-'));
  for (const name of ['ca.crt', 'tls.crt', 'tls.key']) writeFileSync(inside(name), '');
  const settings = {
    formatVersion: 1,
    domain: 'contoso.lab',
    portOffset: 10,
    listen: '127.0.0.1',
    samples: true,
  };
  writeFileSync(inside('linchpin.json'), JSON.stringify(settings));
});
afterAll(() => rmSync(dir, { recursive: true }));

test('the installation of a home folder', async () => {
  expect(await openSite({ home: dir }, {})).toMatchObject({
    cms: '127.0.0.1:7020',
    tls: { ca: inside('pki/ca.pem'), cert: inside('pki/admin.pem'), key: inside('pki/admin.key') },
    domain: 'contoso.lab',
  });
});

test('any CMS by its address and a folder with a certificate, also as a Secret has it', async () => {
  const remote = {
    cms: 'cms.lab:7010',
    tls: { ca: inside('ca.crt'), cert: inside('tls.crt'), key: inside('tls.key') },
  };
  expect(await openSite({ cms: 'cms.lab:7010', tlsDir: dir }, {})).toMatchObject(remote);
  expect(await openSite({}, { LINCHPIN_CMS: 'cms.lab:7010', LINCHPIN_TLS_DIR: dir })).toMatchObject(remote);
});

test('a home folder with another address of CMS', async () => {
  expect(await openSite({ home: dir, cms: 'cms.lab:1' }, {})).toMatchObject({
    cms: 'cms.lab:1',
    tls: { key: inside('pki/admin.key') },
  });
});

test.each([
  [{ tlsDir: '.' }, '--tls-dir needs the address of CMS'],
  [{ tlsDir: '/nonexistent', cms: 'h:1' }, 'Cannot read the folder with the certificate'],
  [{ tlsDir: tmpdir(), cms: 'h:1' }, 'has no ca.pem or ca.crt'],
  [{ tlsDir: '.', cms: 'nowhere' }, 'must be host:port'],
])('%j is a mistake that is named', async (options, message) => {
  await expect(openSite(options, {})).rejects.toMatchObject({
    message: expect.stringContaining(message),
    exitCode: 2,
  });
});
