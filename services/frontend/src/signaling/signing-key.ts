import { hkdfSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const LENGTH = 32;

/**
 * A secret of this pod that outlives the process, made when first needed: nonces and routes of dialogs that clients hold
 * stay good over a restart. Gives an own key for each purpose.
 */
export async function loadSigningKey(dir: string): Promise<(purpose: string) => Buffer> {
  const path = join(dir, 'signing.key');
  await mkdir(dir, { recursive: true });
  // 'wx': of two processes that start at once one writes, and both read the same.
  await writeFile(path, randomBytes(LENGTH), { flag: 'wx', mode: 0o600 }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const secret = await readFile(path);
  if (secret.length !== LENGTH) throw new Error(`${path} is damaged: delete it, and clients sign in again`);
  return (purpose) => Buffer.from(hkdfSync('sha256', secret, '', purpose, LENGTH));
}
