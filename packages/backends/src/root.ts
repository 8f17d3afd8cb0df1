import { X509Certificate } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BackendError } from './error.ts';
import { writePair } from './pem-files.ts';

export const NEW_CA = 'Without ca.pem a new CA is made, which every client then has to be told to trust.';

/** PEM files of the CA. */
export interface RootFiles {
  cert: string;
  key: string;
}

/**
 * The CA's PEM, made when there is none. One that has ended is replaced where `onNewRoot` is there to be told; one that has not
 * begun never is: more likely the clock is wrong now, and clients trust it. Rejects with BackendError for what cannot be used.
 */
export async function ensureRoot(files: RootFiles, onNewRoot?: (notice: string) => void): Promise<string> {
  const existing = await readFile(files.cert, 'utf8').catch(() => undefined);
  if (existing === undefined) return makeRoot(files);
  const root = parsed(existing, files.cert);
  const why = whyNotValid(root);
  if (why === undefined) return existing;
  if (root.validFromDate.getTime() > Date.now())
    throw notValid(files.cert, why, await keptAndValid(files.cert));
  if (onNewRoot === undefined) throw notValid(files.cert, why);
  const kept = await keepAside(files, root);
  const made = await makeRoot(files);
  onNewRoot(replacedNotice(files.cert, kept, why));
  return made;
}

/** What keeps a CA from being used; undefined when nothing does. */
export function whyUnusable(pem: string): string | undefined {
  try {
    return whyNotValid(new X509Certificate(pem));
  } catch {
    return 'it is damaged';
  }
}

function whyNotValid({ validFromDate: from, validToDate: to }: X509Certificate): string | undefined {
  const now = new Date();
  if (from <= now && now < to) return undefined;
  return `it is valid from ${second(from)} to ${second(to)}, and this machine's clock says ${second(now)}`;
}

/** RFC 3339, without the fraction. */
const second = (time: Date): string => time.toISOString().replace(/\.\d+/, '');

async function makeRoot(files: RootFiles): Promise<string> {
  // reflect-metadata and the ASN.1 schemas cost 150 ms: loaded only when something has to be signed.
  const { createRoot } = await import('./certificate.ts');
  const created = await createRoot();
  await writePair(files.cert, files.key, created);
  return created.cert;
}

function parsed(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new BackendError(`${path} is damaged: put a copy back. ${NEW_CA}`, { cause });
  }
}

/** Where the clock was ahead, whoever set it right wants the old CA back. Resolves to the name of the copy. */
async function keepAside(files: RootFiles, { validToDate }: X509Certificate): Promise<string> {
  const aside = (path: string) =>
    path.replace(/(\.\w+)$/, `-ended-${validToDate.toISOString().slice(0, 10)}$1`);
  await copyOnce(files.cert, aside(files.cert));
  await copyOnce(files.key, aside(files.key), 'ENOENT');
  return basename(aside(files.cert));
}

/** What a start kept that died before it was done is not written over: the key of today may already be the new one. */
async function copyOnce(from: string, to: string, ignored?: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST' && error.code !== ignored) throw error;
  });
}

/** The name of a CA beside it that was kept, and is valid now: the clock was ahead when it was replaced. */
async function keptAndValid(path: string): Promise<string | undefined> {
  for (const name of await readdir(dirname(path))) {
    if (!/^ca-ended-.*\.pem$/.test(name)) continue;
    const pem = await readFile(join(dirname(path), name), 'utf8').catch(() => '');
    if (whyUnusable(pem) === undefined) return name;
  }
  return undefined;
}

const notValid = (path: string, why: string, kept?: string): BackendError =>
  new BackendError(
    `The CA in ${path} is not valid now: ${why}. Where the clock is wrong, set it right and start again. ` +
      (kept === undefined
        ? `Where it is right, move ca.pem and ca.key away. ${NEW_CA}`
        : `Where it is right, it was ahead when the CA in ${kept} beside it was replaced. That one is valid now, and clients trust ` +
          'it: move it back to ca.pem, and its key to ca.key.'),
  );

const replacedNotice = (path: string, kept: string, why: string): string =>
  `The CA in ${path} had ended (${why}), and nobody believed what it had signed: there is a new one now, and every certificate ` +
  `is made anew. Give the new ca.pem to all clients, and to administrators elsewhere with new certificates. The old one is kept as ${kept}: ` +
  'if the clock was ahead, set it right and move that back to ca.pem, and its key to ca.key.';
