// `npm run image <role> [--base <image>] [--tag <tag>]`: bundles a role and builds its image, linchpin/<role>:<tag>.
// `npm run image local-base`: a base image out of the pinned Node and this machine's C library, where no registry answers.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleRole, type ImageRole, ROLES } from './bundle.ts';
import { dockerBuild } from './docker.ts';
import { buildLocalBase, LOCAL_BASE } from './local-base.ts';

const root = join(import.meta.dirname, '../..');
const USAGE = `usage: npm run image <${ROLES.join('|')}|all|local-base> [-- --base <image> --tag <tag> --bundle-only]`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string' },
    tag: { type: 'string', default: 'dev' },
    'bundle-only': { type: 'boolean', default: false },
  },
});
const [what = ''] = positionals;
try {
  await make();
} catch (error) {
  console.error(`image: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function make(): Promise<void> {
  if (what === 'local-base') return buildLocalBase(root);
  const roles = what === 'all' ? ROLES : ROLES.filter((role) => role === what);
  for (const role of roles) await makeImage(role);
  if (roles.length > 0) return;
  console.error(USAGE);
  process.exitCode = 2;
}

async function makeImage(role: ImageRole): Promise<void> {
  const revision = git('rev-parse', 'HEAD') ?? 'unknown';
  const modifiedAt = new Date(
    Number(process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct') ?? 0) * 1000,
  );
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const { bytes, packages } = await bundleRole({ root, role, version, modifiedAt });
  console.log(`${role}: bundled, ${Math.round(bytes / 1024)} KB with ${packages} npm packages`);
  if (values['bundle-only']) return;
  const tag = `linchpin/${role}:${values.tag}`;
  const base = values.base ?? (hasImage(LOCAL_BASE) ? LOCAL_BASE : undefined);
  const args = Object.entries({
    ROLE: role,
    VERSION: version,
    REVISION: revision,
    ...(base && { BASE: base }),
  });
  const buildArgs = args.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  dockerBuild([...buildArgs, '--tag', tag, root]);
  console.log(`${role}: built ${tag}`);
}

function hasImage(tag: string): boolean {
  return spawnSync('docker', ['image', 'inspect', tag], { stdio: 'ignore' }).status === 0;
}

function git(...args: string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}
