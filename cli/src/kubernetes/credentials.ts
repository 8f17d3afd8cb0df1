// Certificates, keys and passwords of a release, as Secrets: what is missing is made, what is there stays.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, whyUnusable } from '@linchpin/backends';
import { z } from 'zod';
import { CliError, EXIT } from '../cli-error.ts';
import { generatePassword } from '../management/password.ts';
import type { Secret, Secrets } from './api.ts';

const certificate = z.strictObject({
  secret: z.string().min(1),
  /** The subject's common name. */
  name: z.string().min(1),
  dns: z.array(z.string().min(1)).min(1),
  ips: z.array(z.string()).default([]),
});

const generated = z.strictObject({
  secret: z.string().min(1),
  /** Each key of the Secret: a password that people may type, or 32 random bytes. */
  keys: z.record(z.string(), z.enum(['password', 'bytes'])),
  /** Keys that a Secret of before does not have are added; else one that lost a key is an error. */
  grows: z.boolean().default(false),
});

/** The file that the chart writes for `jobs.js credentials <file>`. */
export const wanted = z.strictObject({
  labels: z.record(z.string(), z.string()).default({}),
  authority: z.string().min(1).optional(),
  certificates: z.array(certificate).default([]),
  generated: z.array(generated).default([]),
});

export type Wanted = z.infer<typeof wanted>;
type Certificate = z.infer<typeof certificate>;
type Generated = z.infer<typeof generated>;
type Say = (line: string) => void;

const KEY_BYTES = 32;

export async function ensureCredentials(secrets: Secrets, want: Wanted, say: Say): Promise<void> {
  for (const each of want.generated) await ensureGenerated(secrets, want.labels, each, say);
  if (want.authority !== undefined)
    await ensureCertificates(secrets, { ...want, authority: want.authority }, say);
}

/** What is there stays as it is, whoever made it. */
async function ensureGenerated(
  secrets: Secrets,
  labels: Record<string, string>,
  { secret, keys, grows }: Generated,
  say: Say,
): Promise<void> {
  const stored = await secrets.get(secret);
  const missing = Object.entries(keys).filter(([key]) => stored?.data[key] === undefined);
  if (missing.length === 0) return;
  const names = missing.map(([key]) => key).join(', ');
  if (stored && !grows) throw incomplete(secret, names);
  const data = Object.fromEntries(missing.map(([key, form]) => [key, makeUp(form)]));
  if (stored) await secrets.replaceData(secret, { ...stored.data, ...data });
  else await secrets.create(secret, { type: 'Opaque', labels, data });
  say(stored ? `added ${names} to Secret ${secret}` : `made Secret ${secret}`);
}

const makeUp = (form: 'password' | 'bytes'): Buffer =>
  form === 'bytes' ? randomBytes(KEY_BYTES) : Buffer.from(generatePassword());

/** The authority works on files; the Secrets are unpacked for it, and what it has written anew goes back. */
async function ensureCertificates(
  secrets: Secrets,
  want: Wanted & { authority: string },
  say: Say,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'pki-'));
  try {
    await ensureAuthority(secrets, want, dir, say);
    for (const each of want.certificates) await ensureCertificate(secrets, want, each, dir, say);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function ensureAuthority(
  secrets: Secrets,
  { authority: name, labels }: Wanted & { authority: string },
  dir: string,
  say: Say,
): Promise<void> {
  const stored = await secrets.get(name);
  if (stored) {
    await unpack(name, stored, { 'tls.crt': join(dir, 'ca.pem'), 'tls.key': join(dir, 'ca.key') });
    return requireUsable(name, await readFile(join(dir, 'ca.pem'), 'utf8'));
  }
  await createAuthority(dir).ready();
  const data = {
    'tls.crt': await readFile(join(dir, 'ca.pem')),
    'tls.key': await readFile(join(dir, 'ca.key')),
  };
  await secrets.create(name, { type: 'kubernetes.io/tls', labels, data });
  say(`made the private CA, Secret ${name}`);
}

/** Not replaced here: clients outside of the cluster trust it, and a node's clock may be what is wrong. */
function requireUsable(secret: string, pem: string): void {
  const why = whyUnusable(pem);
  if (why === undefined) return;
  throw new CliError(
    `The CA in Secret ${secret} cannot be used: ${why}. Put a good one back, or delete the Secret: the next helm upgrade then ` +
      'makes a new CA and every certificate anew, and clients have to be told to trust it.',
    EXIT.failed,
  );
}

async function ensureCertificate(
  secrets: Secrets,
  { labels }: Wanted,
  { secret, name, dns, ips }: Certificate,
  dir: string,
  say: Say,
): Promise<void> {
  const files = { 'tls.crt': join(dir, `${secret}.pem`), 'tls.key': join(dir, `${secret}.key`) };
  const stored = await secrets.get(secret);
  if (stored) await unpack(secret, stored, files);
  const authority = createAuthority(dir);
  const issued = await authority.issue({
    ...{ name, dns, ips },
    certPath: files['tls.crt'],
    keyPath: files['tls.key'],
  });
  if (!issued) return;
  const data = {
    'tls.crt': await readFile(files['tls.crt']),
    'tls.key': await readFile(files['tls.key']),
    'ca.crt': await readFile(authority.caPath),
  };
  if (stored) await secrets.replaceData(secret, data);
  else await secrets.create(secret, { type: 'kubernetes.io/tls', labels, data });
  say(`${stored ? 'renewed' : 'made'} the certificate of ${name}, Secret ${secret}`);
}

async function unpack(name: string, { data }: Secret, files: Record<string, string>): Promise<void> {
  for (const [key, path] of Object.entries(files)) {
    const value = data[key];
    if (value === undefined) throw incomplete(name, key);
    await writeFile(path, value, { mode: 0o600 });
  }
}

const incomplete = (secret: string, keys: string): CliError =>
  new CliError(`Secret ${secret} has no ${keys}: put it back, or delete the Secret.`, EXIT.failed);
