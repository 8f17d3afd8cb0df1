import { readFile } from 'node:fs/promises';
import { replaceFile } from '../installation/files.ts';
import type { Home } from '../installation/home.ts';
import { generatePassword } from '../management/password.ts';

/** The database's password is made once and never leaves the file. */
export async function ensurePostgresPassword(home: Home): Promise<string> {
  const stored = await readFile(home.postgresPassword, 'utf8').catch(() => undefined);
  if (stored !== undefined) return stored.trim();
  const password = generatePassword();
  await replaceFile(home.postgresPassword, `${password}\n`, 0o600);
  return password;
}
