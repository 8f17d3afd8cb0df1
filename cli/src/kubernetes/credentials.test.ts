import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Secret, Secrets } from './api.ts';
import { ensureCredentials, wanted } from './credentials.ts';

let stored: Map<string, Secret>;
let said: string[];
const secrets: Secrets = {
  get: async (name) => stored.get(name),
  create: async (name, secret) => void stored.set(name, secret),
  replaceData: async (name, data) => void stored.set(name, { ...(stored.get(name) as Secret), data }),
};
beforeEach(() => {
  stored = new Map();
  said = [];
});

const ROLE = { secret: 'uc-edge-tls', name: 'edge', dns: ['edge.linchpin.internal', 'localhost'] };
const DATABASE = { secret: 'uc-db', keys: { password: 'password', seed: 'bytes' } };
const ensure = (certificates = [ROLE], generated: object[] = [DATABASE]) =>
  ensureCredentials(
    secrets,
    wanted.parse({
      labels: { 'app.kubernetes.io/instance': 'uc' },
      authority: 'uc-ca',
      certificates,
      generated,
    }),
    (line) => said.push(line),
  );
const text = (secret: string, key: string): string => stored.get(secret)?.data[key]?.toString() ?? '';

describe('the credentials of a release', () => {
  test('are all made the first time', async () => {
    await ensure();
    const certificate = new X509Certificate(text('uc-edge-tls', 'tls.crt'));
    expect(certificate.subjectAltName).toBe('DNS:edge.linchpin.internal, DNS:localhost');
    expect(certificate.verify(new X509Certificate(text('uc-edge-tls', 'ca.crt')).publicKey)).toBe(true);
    expect(text('uc-edge-tls', 'tls.key')).toContain('PRIVATE KEY');
    expect(text('uc-db', 'password')).toMatch(/^\w{16}$/);
    expect(stored.get('uc-db')?.data.seed).toHaveLength(32);
    expect(stored.get('uc-edge-tls')).toMatchObject({
      type: 'kubernetes.io/tls',
      labels: { 'app.kubernetes.io/instance': 'uc' },
    });
  });

  test('stay what they are', async () => {
    await ensure();
    const before = JSON.stringify([...stored]);
    said = [];
    await ensure();
    expect(JSON.stringify([...stored])).toBe(before);
    expect(said).toEqual([]);
  });

  test('follow a change of names, by the same CA', async () => {
    await ensure();
    const ca = text('uc-ca', 'tls.crt');
    await ensure([{ ...ROLE, dns: [...ROLE.dns, 'edge.example.net'] }]);
    expect(new X509Certificate(text('uc-edge-tls', 'tls.crt')).subjectAltName).toContain('edge.example.net');
    expect(text('uc-edge-tls', 'ca.crt')).toBe(ca);
    expect(said.at(-1)).toBe('renewed the certificate of edge, Secret uc-edge-tls');
  });

  test('name a Secret that lost a key', async () => {
    await ensure();
    stored.set('uc-ca', { type: 'kubernetes.io/tls', data: {} });
    await expect(ensure()).rejects.toThrow('Secret uc-ca has no tls.crt');
  });

  test('name a CA that is not valid now, and are all made anew without it', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2010-01-01T00:00:00Z') });
    await ensure();
    vi.useRealTimers();
    await expect(ensure()).rejects.toThrow(
      /Secret uc-ca cannot be used: it is valid .* to 2019-12-30T.*clock/,
    );
    stored.delete('uc-ca');
    await ensure();
    expect(said.at(-1)).toBe('renewed the certificate of edge, Secret uc-edge-tls');
  });

  test('get passwords for people who came later; those who have one keep it', async () => {
    const people = (...names: string[]) => ({
      secret: 'uc-sample-users',
      keys: Object.fromEntries(names.map((name) => [name, 'password'])),
      grows: true,
    });
    await ensure([], [people('alice')]);
    const alice = text('uc-sample-users', 'alice');
    await ensure([], [people('alice', 'bob', 'carol')]);
    expect(text('uc-sample-users', 'alice')).toBe(alice);
    for (const name of ['bob', 'carol']) expect(text('uc-sample-users', name)).toMatch(/^\w{16}$/);
    expect(said.at(-1)).toBe('added bob, carol to Secret uc-sample-users');
    // Who is no more among them may sign in as ever.
    await ensure([], [people('bob')]);
    expect(Object.keys(stored.get('uc-sample-users')?.data ?? {})).toEqual(['alice', 'bob', 'carol']);
  });

  test('are not made up anew for a database or a key that goes with the old ones', async () => {
    await ensure();
    stored.set('uc-db', { type: 'Opaque', data: { password: Buffer.from('p') } });
    await expect(ensure()).rejects.toThrow('Secret uc-db has no seed: put it back, or delete the Secret.');
    expect(text('uc-db', 'password')).toBe('p');
  });
});
