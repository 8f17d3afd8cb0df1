// A file is there whole or not at all, and never written over.
import { randomUUID } from 'node:crypto';
import { access, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';

/** What a pod that was killed left half written is taken away after this time. */
const ABANDONED_MS = 3_600_000;
const UNFINISHED = '.unfinished';
// Folders on some network shares have no hard links.
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/**
 * Resolves with its name when the file is on the disk. Where there is one of this name with the same content, that is it; where it
 * says something else, it stays, and this one becomes `<name>~2.<extension>`.
 */
export async function writeOnce(folder: string, name: string, content: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `.${name}.${randomUUID()}${UNFINISHED}`);
  try {
    await writeSynced(temporary, content);
    const placed = await placeAs(temporary, folder, name, content);
    await syncFolder(folder);
    return placed;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function placeAs(temporary: string, folder: string, name: string, content: string): Promise<string> {
  const { name: base, ext } = parse(name);
  for (let turn = 1; ; turn++) {
    const candidate = turn === 1 ? name : `${base}~${turn}${ext}`;
    const path = join(folder, candidate);
    if ((await place(temporary, path)) || (await readFile(path, 'utf8')) === content) return candidate;
  }
}

export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((entry) => entry.endsWith(UNFINISHED))) {
    const path = join(folder, name);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (age > ABANDONED_MS) await rm(path, { force: true });
  }
}

async function writeSynced(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function place(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.includes(code)) throw error;
  }
  // One pod writes at a time, so nobody comes in between.
  if (
    await access(path).then(
      () => true,
      () => false,
    )
  )
    return false;
  await rename(temporary, path);
  return true;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
