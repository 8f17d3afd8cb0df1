import { hkdfSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const LENGTH = 32;

/**
 * A secret that outlives the process, so that what clients hold of it (nonces, tokens, routes of dialogs) stays good over a restart;
 * gives an own key for each purpose. `file` is one secret for all pods of a pool, which take each other's; without it the pod has its
 * own in `dir`, made when first needed. Throws where it is not of 32 bytes.
 */
export async function loadSigningKey(dir: string, file?: string): Promise<(purpose: string) => Buffer> {
  const secret = file === undefined ? await ownSecret(dir) : await poolSecret(file);
  return (purpose) => Buffer.from(hkdfSync('sha256', secret, '', purpose, LENGTH));
}

async function ownSecret(dir: string): Promise<Buffer> {
  const path = join(dir, 'signing.key');
  await mkdir(dir, { recursive: true });
  // 'wx': of two processes that start at once one writes, and both read the same.
  await writeFile(path, randomBytes(LENGTH), { flag: 'wx', mode: 0o600 }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const secret = await readFile(path);
  if (secret.length !== LENGTH) throw new Error(`${path} is damaged: delete it, and clients sign in again`);
  return secret;
}

async function poolSecret(path: string): Promise<Buffer> {
  const secret = await readFile(path).catch((error) => {
    throw new Error(`signingKeyFile ${path} cannot be read (${error.code}): ${advice}`);
  });
  if (secret.length === LENGTH) return secret;
  throw new Error(`signingKeyFile ${path} has ${secret.length} bytes instead of ${LENGTH}: ${advice}`);
}

const advice = `give all pods of the pool the same file, made with "head -c ${LENGTH} /dev/urandom"`;
