import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  chmod,
  chown,
  mkdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { BackendError } from './error.ts';
import { type Binaries, exists, SYSTEM_DIR } from './postgres-binaries.ts';
import { spawnGuarded } from './process.ts';
import { type Owner, reachable } from './unprivileged.ts';

/**
 * Where the cluster of `dir` lives: in `dir`, unless the unprivileged owner cannot get there (below /root, say). Then
 * `dir` becomes a symlink to a folder below /var/lib/linchpin, so that whoever moves or copies `dir` takes the pointer along.
 */
export async function placeData(
  dir: string,
  owner: Owner | undefined,
  say: (line: string) => void,
): Promise<string> {
  const target = await readlink(dir).catch(() => undefined);
  if (target !== undefined) return resolve(dirname(dir), target);
  await openTemporary(dirname(dir), owner);
  if (await reachable(dir, owner)) return dir;
  if (await exists(join(dir, 'PG_VERSION'))) throw unreachable(dir, owner);
  const elsewhere = join(SYSTEM_DIR, `cluster-${randomBytes(6).toString('hex')}`);
  say(`PostgreSQL runs as user ${owner?.name}, who cannot reach ${dir}: keeping its data in ${elsewhere}`);
  await rmdir(dir).catch(() => {});
  await mkdir(SYSTEM_DIR, { recursive: true, mode: 0o755 });
  await symlink(elsewhere, dir);
  return elsewhere;
}

const unreachable = (dir: string, owner: Owner | undefined) =>
  new BackendError(
    `PostgreSQL runs as user ${owner?.name}, who may no longer enter a folder above ${dir}; give it back with chmod o+x.`,
  );

/** mkdtemp makes folders for their owner alone. Below /tmp the way may be opened; data elsewhere would outlive the folder. */
async function openTemporary(folder: string, owner: Owner | undefined): Promise<void> {
  if (owner === undefined || !folder.startsWith(`${tmpdir()}/`)) return;
  await openTemporary(dirname(folder), owner);
  const found = await stat(folder).catch(() => undefined);
  if (found !== undefined && found.uid === process.getuid?.())
    await chmod(folder, found.mode | constants.S_IXOTH);
}

export interface Superuser {
  user: string;
  password: string;
}

/** Makes the cluster unless it is there; an interrupted attempt leaves only a draft, which the next one removes. */
export async function ensureCluster(
  dir: string,
  binaries: Binaries,
  owner: Owner | undefined,
  superuser: Superuser,
  say: (line: string) => void,
): Promise<void> {
  const version = await readFile(join(dir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined) {
    say('creating the PostgreSQL cluster');
    return createCluster(dir, binaries, owner, superuser);
  }
  if (version.trim() === binaries.major) return;
  throw new BackendError(
    `${dir} was written by PostgreSQL ${version.trim()}, this is ${binaries.major}; convert it with pg_upgrade.`,
  );
}

async function createCluster(
  dir: string,
  binaries: Binaries,
  owner: Owner | undefined,
  superuser: Superuser,
): Promise<void> {
  const draft = `${dir}.new`;
  const passwordFile = `${dir}.initdb-password`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, superuser.password, { mode: 0o600 });
  if (owner !== undefined)
    await Promise.all([draft, passwordFile].map((path) => chown(path, owner.uid, owner.gid)));
  try {
    await runInitdb(draft, passwordFile, binaries, owner, superuser.user);
    await rename(draft, dir);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function runInitdb(
  dir: string,
  passwordFile: string,
  binaries: Binaries,
  owner: Owner | undefined,
  user: string,
) {
  const args = [
    `--pgdata=${dir}`,
    `--username=${user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
  ];
  const initdb = await spawnGuarded(join(binaries.dir, 'bin', 'initdb'), args, postgresProcess(owner));
  const [errors, exit] = await Promise.all([
    text(initdb.child.stderr as NodeJS.ReadableStream),
    initdb.exited,
  ]);
  if (exit.code !== 0)
    throw new BackendError(`initdb failed in ${dir}: ${errors.trim() || JSON.stringify(exit)}`);
}

/** No environment of ours: PG* variables would change its meaning, and English messages are what we look for. */
export const postgresProcess = (owner: Owner | undefined) => ({
  cwd: '/',
  env: { PATH: process.env.PATH, LC_ALL: 'C' },
  stdio: ['ignore' as const, 'ignore' as const, 'pipe' as const],
  ...(owner && { uid: owner.uid, gid: owner.gid }),
});
