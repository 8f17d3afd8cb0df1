import { X509Certificate } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificates, createCertificates } from '../test/certificates.ts';
import { createMtls } from './mtls.ts';

let certificates: Certificates;
beforeAll(async () => {
  certificates = await createCertificates();
});
afterAll(() => certificates[Symbol.asyncDispose]());

const names = (pem: unknown) => new X509Certificate(pem as Buffer).subjectAltName;

test('reload takes what the files hold now', async () => {
  const files = await certificates.files('first');
  const second = await certificates.files('second');
  const mtls = await createMtls(files);
  await copyFile(second.cert, files.cert);
  await copyFile(second.key, files.key);
  expect(names(mtls.tlsOptions().cert)).toContain('first.linchpin.internal');
  await mtls.reload();
  expect(names(mtls.tlsOptions().cert)).toContain('second.linchpin.internal');
});

test('a certificate without its key is refused, and the old pair stays', async () => {
  const files = await certificates.files('third');
  const mtls = await createMtls(files);
  await copyFile((await certificates.files('fourth')).cert, files.cert);
  await expect(mtls.reload()).rejects.toThrow(/third\.pem, .*third\.key .*do not fit together/);
  expect(names(mtls.tlsOptions().cert)).toContain('third.linchpin.internal');
});

test('a file that is missing is named with its key in the configuration', async () => {
  const files = await certificates.files('fifth');
  await expect(createMtls({ ...files, key: '/absent.key' })).rejects.toThrow(
    'tls.key: cannot read /absent.key',
  );
});
