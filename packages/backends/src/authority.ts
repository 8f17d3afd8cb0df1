import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BackendError } from './error.ts';

export interface Identity {
  /** The subject's common name. */
  name: string;
  dns: string[];
  ips?: string[];
  certPath: string;
  keyPath: string;
}

export interface Authority {
  /** PEM of the root; exists once `ready` or the first `issue` has resolved. */
  readonly caPath: string;
  ready(): Promise<void>;
  /**
   * Makes sure that a certificate for this identity and its key are in place; resolves to true when it wrote new ones:
   * the first time, when the names changed, when another authority had signed it or when it ends within 30 days.
   */
  issue(identity: Identity): Promise<boolean>;
}

const NEW_CA = 'Without ca.pem a new CA is made, which every client then has to be told to trust.';
const RENEW_BEFORE_MS = 30 * 24 * 3600 * 1000;

/** The private CA of one installation, kept as `ca.pem` and `ca.key` in `dir`. One process at a time may use it. */
export function createAuthority(dir: string): Authority {
  const caPath = join(dir, 'ca.pem');
  const caKeyPath = join(dir, 'ca.key');
  let root: Promise<string> | undefined;
  const rootPem = () => (root ??= ensureRoot(caPath, caKeyPath));
  return {
    caPath,
    ready: async () => void (await rootPem()),
    async issue(identity) {
      if (await stillGood(identity, await rootPem())) return false;
      const { signIdentity } = await import('./certificate.ts');
      const signed = await signIdentity(identity, await rootPem(), await readKey(caKeyPath));
      await writePair(identity.certPath, identity.keyPath, signed);
      return true;
    },
  };
}

async function ensureRoot(caPath: string, caKeyPath: string): Promise<string> {
  const existing = await readFile(caPath, 'utf8').catch(() => undefined);
  if (existing !== undefined) return checked(existing, caPath);
  // reflect-metadata and the ASN.1 schemas cost 150 ms: loaded only when something has to be signed.
  const { createRoot } = await import('./certificate.ts');
  const created = await createRoot();
  await writePair(caPath, caKeyPath, created);
  return created.cert;
}

function checked(pem: string, path: string): string {
  try {
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new BackendError(`${path} is damaged: put a copy back. ${NEW_CA}`, { cause });
  }
}

function readKey(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: Error) => {
    throw new BackendError(`A certificate has to be signed: ${cause.message}. Put a copy back. ${NEW_CA}`, {
      cause,
    });
  });
}

async function stillGood(identity: Identity, caPem: string): Promise<boolean> {
  try {
    const cert = new X509Certificate(await readFile(identity.certPath));
    const key = createPrivateKey(await readFile(identity.keyPath));
    const fresh = Date.parse(cert.validTo) - Date.now() > RENEW_BEFORE_MS;
    const ours = cert.checkPrivateKey(key) && cert.verify(new X509Certificate(caPem).publicKey);
    return fresh && ours && sameNames(cert, identity);
  } catch {
    return false;
  }
}

/** RFC 5280 4.2.1.6 names, in the order and form that Node prints them. */
function sameNames(cert: X509Certificate, { dns, ips = [] }: Identity): boolean {
  const wanted = [...dns.map((name) => `DNS:${name}`), ...ips.map((ip) => `IP Address:${ip}`)];
  return cert.subjectAltName === wanted.join(', ');
}

async function writePair(
  certPath: string,
  keyPath: string,
  pair: { cert: string; key: string },
): Promise<void> {
  await mkdir(dirname(certPath), { recursive: true, mode: 0o700 });
  await mkdir(dirname(keyPath), { recursive: true, mode: 0o700 });
  await replace(keyPath, pair.key, 0o600);
  await replace(certPath, pair.cert, 0o644);
}

async function replace(path: string, content: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, content, { mode });
  await rename(`${path}.new`, path);
}
