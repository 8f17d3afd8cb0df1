import { execFile } from 'node:child_process';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { BackendError } from './error.ts';

const run = promisify(execFile);

export interface NatsBinaryOptions {
  /** Where a downloaded nats-server is kept. */
  cacheDir: string;
  /** Where an installed one is looked for. */
  folders?: string[];
  onProgress?(line: string): void;
}

/** The path of nats-server: an installed one, one that was downloaded before, else Debian's package, unpacked without root. */
export async function findNatsServer({
  cacheDir,
  folders = programFolders(),
  onProgress = () => {},
}: NatsBinaryOptions): Promise<string> {
  const cached = join(cacheDir, 'nats-server');
  const found = await firstExecutable([...folders.map((folder) => join(folder, 'nats-server')), cached]);
  if (found !== undefined) return found;
  onProgress('nats-server is not installed: downloading the Debian package');
  await download(cacheDir, cached).catch((cause: unknown) => {
    throw new BackendError(
      `nats-server is missing and could not be downloaded; install it: apt-get install nats-server`,
      { cause },
    );
  });
  return cached;
}

// Debian puts it into /usr/sbin, which is not on every user's PATH.
const programFolders = () => [
  ...(process.env.PATH ?? '').split(delimiter).filter(Boolean),
  '/usr/local/bin',
  '/usr/sbin',
];

async function firstExecutable(paths: string[]): Promise<string | undefined> {
  for (const path of paths) if (await executable(path)) return path;
  return undefined;
}

const executable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

async function download(cacheDir: string, target: string): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, 'nats-download-'));
  try {
    await fetchPackage(work);
    const archive = (await readdir(work)).find((name) => name.endsWith('.deb')) as string;
    await run('dpkg', ['-x', archive, 'unpacked'], { cwd: work });
    await rename(join(work, 'unpacked', 'usr', 'sbin', 'nats-server'), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A fresh machine has no package lists, and a normal user may not fetch them into the system's folders: use own ones. */
async function fetchPackage(work: string): Promise<void> {
  await run('apt-get', ['download', 'nats-server'], { cwd: work }).catch(async () => {
    const own = ['-o', `Dir::State::Lists=${work}/lists`, '-o', `Dir::Cache=${work}/cache`];
    await mkdir(join(work, 'lists', 'partial'), { recursive: true });
    await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
    // Clean-up hooks of container images fail without root, after the lists have come: the download decides.
    await run('apt-get', [...own, 'update'], { cwd: work }).catch(() => {});
    await run('apt-get', [...own, 'download', 'nats-server'], { cwd: work });
  });
}
