import { execFileSync } from 'node:child_process';
import { constants, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BackendError } from './error.ts';

export interface Owner {
  name: string;
  uid: number;
  gid: number;
}

/** The user to run a server as that refuses to be root; undefined when we are not root ourselves. */
export function unprivilegedOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = lookUp('postgres') ?? lookUp('nobody');
  if (owner === undefined)
    throw new BackendError(
      'PostgreSQL refuses to run as root, and this machine has neither a user "postgres" nor "nobody"; start as a normal user.',
    );
  return owner;
}

function lookUp(name: string): Owner | undefined {
  try {
    const [, , uid, gid] = execFileSync('getent', ['passwd', name], { encoding: 'utf8' }).split(':');
    return { name, uid: Number(uid), gid: Number(gid) };
  } catch {
    return undefined;
  }
}

/** Whether `owner` can reach `path`: it needs search permission on every folder above. */
export async function reachable(path: string, owner: Owner | undefined): Promise<boolean> {
  if (owner === undefined) return true;
  const parent = dirname(path);
  if (parent === path) return true;
  const found = await stat(parent).catch(() => undefined);
  if (found !== undefined && !maySearch(found, owner)) return false;
  return reachable(parent, owner);
}

function maySearch(folder: Stats, owner: Owner): boolean {
  if (folder.uid === owner.uid) return (folder.mode & constants.S_IXUSR) !== 0;
  if (folder.gid === owner.gid) return (folder.mode & constants.S_IXGRP) !== 0;
  return (folder.mode & constants.S_IXOTH) !== 0;
}
