import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackendError } from './error.ts';
import { writePair } from './pem-files.ts';
import { ensureRoot, NEW_CA } from './root.ts';

export interface Identity {
  /** The subject's common name. */
  name: string;
  dns: string[];
  ips?: string[];
  certPath: string;
  keyPath: string;
}

export interface AuthorityOptions {
  /** With it a CA that has ended is replaced, and it is told what that means for clients; else such a CA is an error. */
  onNewRoot?: (notice: string) => void;
}

export interface Authority {
  /** PEM of the root; exists once `ready` or the first `issue` has resolved. */
  readonly caPath: string;
  /** Resolves to the moment at which the CA ends; rejects with BackendError when it is damaged or not valid now. */
  ready(): Promise<Date>;
  /**
   * Makes sure that a certificate for this identity and its key are in place; resolves to true when it wrote new ones:
   * the first time, when the names changed, when another authority had signed it, when it has not begun yet or when less than
   * half of its life is left, and it ends before the CA. None outlives the CA.
   */
  issue(identity: Identity): Promise<boolean>;
}

/** The private CA of one installation, kept as `ca.pem` and `ca.key` in `dir`. One process at a time may use it. */
export function createAuthority(dir: string, { onNewRoot }: AuthorityOptions = {}): Authority {
  const caPath = join(dir, 'ca.pem');
  const caKeyPath = join(dir, 'ca.key');
  let root: Promise<string> | undefined;
  const rootPem = () => (root ??= ensureRoot({ cert: caPath, key: caKeyPath }, onNewRoot));
  return {
    caPath,
    ready: async () => new X509Certificate(await rootPem()).validToDate,
    async issue(identity) {
      if (await stillGood(identity, await rootPem())) return false;
      const { signIdentity } = await import('./certificate.ts');
      const signed = await signIdentity(identity, await rootPem(), await readKey(caKeyPath));
      await writePair(identity.certPath, identity.keyPath, signed);
      return true;
    },
  };
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
    const root = new X509Certificate(caPem);
    const ours = cert.checkPrivateKey(key) && cert.verify(root.publicKey);
    return isFresh(cert, root) && ours && sameNames(cert, identity);
  } catch {
    return false;
  }
}

/** Nothing is renewed between two starts, and these may be a year apart. Where it ends with the CA, a new one would end no later. */
function isFresh(cert: X509Certificate, root: X509Certificate): boolean {
  const [begin, end] = [cert.validFromDate.getTime(), cert.validToDate.getTime()];
  const lasts = end - Date.now() >= (end - begin) / 2 || end >= root.validToDate.getTime();
  return begin <= Date.now() && lasts;
}

/** RFC 5280 4.2.1.6 names, in the order and form that Node prints them. */
function sameNames(cert: X509Certificate, { dns, ips = [] }: Identity): boolean {
  const wanted = [...dns.map((name) => `DNS:${name}`), ...ips.map((ip) => `IP Address:${ip}`)];
  return cert.subjectAltName === wanted.join(', ');
}
