import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Home, openHome } from '../installation/home.ts';
import { ensurePostgresPassword } from './postgres-password.ts';

let home: Home;
beforeEach(() => {
  home = openHome(mkdtempSync(join(tmpdir(), 'linchpin-home-')));
  mkdirSync(home.pki);
});
afterEach(() => rmSync(home.dir, { recursive: true }));

test('is made once', async () => {
  const password = await ensurePostgresPassword(home);
  expect(password).toMatch(/^\w{16}$/);
  expect(await ensurePostgresPassword(home)).toBe(password);
});

test('is not made anew for a database that has another', async () => {
  mkdirSync(home.postgres);
  writeFileSync(join(home.postgres, 'PG_VERSION'), '18\n');
  await expect(ensurePostgresPassword(home)).rejects.toThrow(`${home.postgresPassword} is missing`);
});
