import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority, type Identity } from './authority.ts';

let dir: string;
let authority: Authority;
const identity = (name: string): Identity => ({
  name,
  dns: ['edge.linchpin.internal', name, 'localhost'],
  ips: ['127.0.0.1'],
  certPath: join(dir, `${name}.pem`),
  keyPath: join(dir, `${name}.key`),
});
const certificate = (name: string) => new X509Certificate(readFileSync(join(dir, `${name}.pem`)));

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'linchpin-authority-'));
  authority = createAuthority(join(dir, 'pki'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('the private CA', () => {
  test('signs a certificate for both ends of a connection, and keeps keys to itself', async () => {
    expect(await authority.issue(identity('edge-0'))).toBe(true);
    const cert = certificate('edge-0');
    const root = new X509Certificate(readFileSync(authority.caPath));
    expect(cert.verify(root.publicKey)).toBe(true);
    expect(cert.checkIssued(root)).toBe(true);
    expect([root.ca, cert.ca]).toEqual([true, false]);
    expect(cert.checkHost('edge.linchpin.internal')).toBe('edge.linchpin.internal');
    expect(cert.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(cert.checkPrivateKey(createPrivateKey(readFileSync(join(dir, 'edge-0.key'))))).toBe(true);
    expect(statSync(join(dir, 'edge-0.key')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'pki', 'ca.key')).mode & 0o777).toBe(0o600);
  });

  test('keeps what is still good, across restarts', async () => {
    await authority.issue(identity('edge-1'));
    const before = certificate('edge-1').fingerprint256;
    expect(await createAuthority(join(dir, 'pki')).issue(identity('edge-1'))).toBe(false);
    expect(certificate('edge-1').fingerprint256).toBe(before);
  });

  test('replaces a certificate whose names changed', async () => {
    await authority.issue(identity('edge-2'));
    expect(await authority.issue({ ...identity('edge-2'), ips: ['127.0.0.1', '192.0.2.1'] })).toBe(true);
    expect(certificate('edge-2').checkIP('192.0.2.1')).toBe('192.0.2.1');
  });

  test('replaces a certificate of another CA, and one whose key is not its own', async () => {
    await createAuthority(join(dir, 'other')).issue(identity('edge-3'));
    expect(await authority.issue(identity('edge-3'))).toBe(true);
    await authority.issue(identity('edge-4'));
    expect(await authority.issue({ ...identity('edge-3'), keyPath: join(dir, 'edge-4.key') })).toBe(true);
  });

  test('says what is lost when its own files are', async () => {
    const damaged = join(dir, 'damaged');
    await createAuthority(damaged).ready();
    rmSync(join(damaged, 'ca.key'));
    await expect(createAuthority(damaged).issue(identity('edge-5'))).rejects.toThrow(
      /to be signed: .*ca\.key/,
    );
    writeFileSync(join(damaged, 'ca.pem'), 'x');
    await expect(createAuthority(damaged).ready()).rejects.toThrow('ca.pem is damaged');
  });

  test('makes one root when asked for several certificates at once', async () => {
    const fresh = createAuthority(join(dir, 'fresh'));
    await Promise.all(['a', 'b', 'c'].map((name) => fresh.issue(identity(name))));
    const root = new X509Certificate(readFileSync(fresh.caPath));
    for (const name of ['a', 'b', 'c']) expect(certificate(name).verify(root.publicKey)).toBe(true);
  });
});
