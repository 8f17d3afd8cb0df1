import { mkdir, readdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { z } from 'zod';
import { CliError, EXIT } from '../cli-error.ts';
import { replaceFile } from './files.ts';
import type { Home } from './home.ts';

/** Raised when an older Linchpin could not read what this one writes into the home folder. */
export const FORMAT_VERSION = 1;

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const domain = z
  .string()
  .max(253)
  .regex(new RegExp(`^${label}(\\.${label})*$`), 'must be a domain name in lower case');

const settingsSchema = z.strictObject({
  formatVersion: z.literal(FORMAT_VERSION),
  domain,
  /** Added to each port. The highest fixed one is 7443. */
  portOffset: z.int().min(-5000).max(58_000),
  /** Where SIP clients are listened to. */
  listen: z.string().refine((text) => isIP(text) !== 0, 'must be an IP address'),
  /** Whether the sample users were created: those that an administrator deleted stay away. */
  samples: z.boolean(),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SettingsOptions = Partial<Pick<Settings, 'domain' | 'portOffset' | 'listen'>>;

const DEFAULTS: Settings = {
  formatVersion: FORMAT_VERSION,
  domain: 'contoso.lab',
  portOffset: 0,
  listen: '127.0.0.1',
  samples: false,
};

/** Undefined when there is no installation in this folder. */
export async function readSettings(home: Home): Promise<Settings | undefined> {
  const content = await readFile(home.settings, 'utf8').catch(unlessAbsent);
  if (content === undefined) return undefined;
  const stored = parse(content, home);
  const formatVersion = (stored as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof formatVersion === 'number' && formatVersion > FORMAT_VERSION) throw newer(home, formatVersion);
  return check(stored, home.settings);
}

export async function requireSettings(home: Home): Promise<Settings> {
  const settings = await readSettings(home);
  if (settings !== undefined) return settings;
  throw new CliError(
    `There is no installation in ${home.dir}. To make one: linchpin start --home ${home.dir}`,
    EXIT.notRunning,
  );
}

/**
 * The settings of the first start, or the stored ones with what the options change. It writes nothing: a start that fails
 * because a port is taken must not leave its ports to the next one.
 */
export async function chooseSettings(home: Home, options: SettingsOptions): Promise<Settings> {
  const stored = await readSettings(home);
  if (stored === undefined) await requireFreshFolder(home);
  else requireSameDomain(home, stored, options);
  return check({ ...(stored ?? DEFAULTS), ...withoutUndefined(options) }, 'The options');
}

/** Rejects with CliError for a folder that holds something else, before anything is written there. */
export async function requireOwnFolder(home: Home): Promise<void> {
  if ((await readSettings(home)) === undefined) await requireFreshFolder(home);
}

export async function writeSettings(home: Home, settings: Settings): Promise<void> {
  // An unprivileged PostgreSQL has to pass through; what is secret below is closed on its own.
  await mkdir(home.dir, { recursive: true, mode: 0o711 });
  await replaceFile(home.settings, `${JSON.stringify(settings, undefined, 2)}\n`, 0o644);
}

function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw new CliError(`Cannot read the installation: ${error.message}`, EXIT.failed, { cause: error });
}

function parse(content: string, home: Home): unknown {
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new CliError(`${home.settings} is damaged: ${(cause as Error).message}`, EXIT.failed, { cause });
  }
}

function check(value: unknown, what: string): Settings {
  const result = settingsSchema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new CliError(`${what}: ${problems.join('; ')}`, EXIT.usage);
}

const newer = (home: Home, version: number) =>
  new CliError(
    `${home.dir} was written by a newer Linchpin (format ${version}; this one knows up to ${FORMAT_VERSION}). ` +
      'Run that version, or choose another folder with --home.',
    EXIT.newerData,
  );

function requireSameDomain(home: Home, { domain }: Settings, options: SettingsOptions): void {
  if (options.domain === undefined || options.domain === domain) return;
  throw new CliError(
    `${home.dir} serves ${domain}, and its users' passwords belong to that name. ` +
      `Choose another folder with --home for ${options.domain}, or add the domain to Topology/global.`,
    EXIT.usage,
  );
}

/** What a start that failed early left: its lock and its log. */
const LEFTOVERS = ['run', 'logs'];

async function requireFreshFolder(home: Home): Promise<void> {
  const found = await readdir(home.dir).catch(() => []);
  const foreign = found.filter((name) => !LEFTOVERS.includes(name));
  if (foreign.length === 0) return;
  throw new CliError(
    `${home.dir} is not empty and holds no Linchpin installation; choose another folder with --home.`,
    EXIT.usage,
  );
}

const withoutUndefined = (options: SettingsOptions): SettingsOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
