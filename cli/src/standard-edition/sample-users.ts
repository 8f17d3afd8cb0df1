import { readFile } from 'node:fs/promises';
import { replaceFile } from '../installation/files.ts';
import type { Home } from '../installation/home.ts';
import { type Settings, writeSettings } from '../installation/settings.ts';
import { create } from '../management/changes.ts';
import type { Cms } from '../management/cms.ts';
import { generatePassword } from '../management/password.ts';

const SAMPLES = [
  ['alice', 'Alice Sample'],
  ['bob', 'Bob Sample'],
  ['carol', 'Carol Sample'],
] as const;

export interface SampleUser {
  /** `alice@contoso.lab` */
  name: string;
  password: string;
}

/**
 * Creates the sample users once in the life of an installation; resolves to them then, to nothing later. The passwords
 * are on disk before a user exists, so that a start which is interrupted half-way loses none.
 */
export async function createSampleUsers(cms: Cms, home: Home, settings: Settings): Promise<SampleUser[]> {
  if (settings.samples) return [];
  const users = (await readUsers(home)) ?? (await writeUsers(home, settings.domain));
  const existing = new Set((await cms.get('User')).map(({ name }) => name));
  const missing = users.filter(({ name }) => !existing.has(name));
  if (missing.length > 0) await cms.publish(missing.map(newUser));
  await writeSettings(home, { ...settings, samples: true });
  return users;
}

const newUser = ({ name, password }: SampleUser) => {
  const displayName = SAMPLES.find(([user]) => name.startsWith(`${user}@`))?.[1];
  return create('User', name, { displayName, enabled: true, pool: 'frontend' }, { password });
};

async function readUsers(home: Home): Promise<SampleUser[] | undefined> {
  const content = await readFile(home.sampleUsers, 'utf8').catch(() => undefined);
  return content
    ?.split('\n')
    .filter((line) => line.includes(' ') && !line.startsWith('#'))
    .map((line) => {
      const [name, password] = line.split(' ') as [string, string];
      return { name, password };
    });
}

async function writeUsers(home: Home, domain: string): Promise<SampleUser[]> {
  const users = SAMPLES.map(([user]) => ({ name: `${user}@${domain}`, password: generatePassword() }));
  const lines = users.map(({ name, password }) => `${name} ${password}\n`).join('');
  await replaceFile(
    home.sampleUsers,
    `# The users that the first start created, with their passwords.\n${lines}`,
    0o600,
  );
  return users;
}
