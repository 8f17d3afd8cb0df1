// What the jobs of charts/linchpin run, out of the CMS image: `node /app/jobs.js credentials|publish <file>`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { CliError, EXIT } from '../cli-error.ts';
import { openHome } from '../installation/home.ts';
import { requireSettings } from '../installation/settings.ts';
import { withCms } from '../management/cms.ts';
import { installationSite } from '../management/site.ts';
import { accessOfPod, createSecrets } from './api.ts';
import { ensureCredentials, wanted } from './credentials.ts';
import { patiently, publishRelease, release } from './publish.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const jobs: Record<string, (file: string) => Promise<void>> = {
  async credentials(file) {
    const want = await readJson(file, wanted);
    await ensureCredentials(createSecrets(await accessOfPod()), want, say);
    say('all credentials are in place');
  },
  async publish(file) {
    const want = await readJson(file, release);
    const home = openHome(undefined);
    const settings = await requireSettings(home);
    const passwords = process.env.LINCHPIN_SAMPLE_PASSWORDS ?? '';
    // A Secret's key may hold no @.
    const passwordOf = (user: string) => readFile(join(passwords, user.split('@')[0] as string), 'utf8');
    const publish = () =>
      withCms(installationSite(home, settings), (cms) => publishRelease(cms, want, passwordOf));
    const published = await patiently(want.patienceSeconds, say, publish);
    say(published.length === 0 ? 'everything is published already' : `published ${published.join(', ')}`);
  },
};

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  const result = schema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new CliError(`${file}: ${problems.join('; ')}`, EXIT.usage);
}

const [name = '', file = ''] = process.argv.slice(2);
try {
  const job = Object.hasOwn(jobs, name) ? jobs[name] : undefined;
  if (job === undefined || file === '')
    throw new CliError(`usage: jobs.js ${Object.keys(jobs).join('|')} <file>`, EXIT.usage);
  await job(file);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof CliError ? error.exitCode : EXIT.failed;
}
