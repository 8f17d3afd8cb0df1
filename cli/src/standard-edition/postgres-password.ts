import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { replaceFile } from '../installation/files.ts';
import type { Home } from '../installation/home.ts';
import { generatePassword } from '../management/password.ts';

/** The database's password is made once and never leaves the file. */
export async function ensurePostgresPassword(home: Home): Promise<string> {
  const stored = await readFile(home.postgresPassword, 'utf8').catch(() => undefined);
  if (stored !== undefined) return stored.trim();
  if (existsSync(join(home.postgres, 'PG_VERSION')))
    throw new CliError(
      `${home.postgresPassword} is missing, and the database in ${home.postgres} opens with no other password.`,
    );
  const password = generatePassword();
  await replaceFile(home.postgresPassword, `${password}\n`, 0o600);
  return password;
}
