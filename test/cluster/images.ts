import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, succeeds } from './command.ts';
import { NODE } from './kind-cluster.ts';
import { cache, env, type Origin, root } from './machine.ts';
import { say, step } from './progress.ts';

export const ROLES = ['cms', 'director', 'edge', 'frontend', 'persistent-chat'] as const;
export type Role = (typeof ROLES)[number];

const own = join(import.meta.dirname, 'images');
/** Made here where nothing can be pulled; else the chart's own images are, by the node. */
const BACKENDS = {
  'postgresql.dev.image': 'linchpin/dev-postgres:dev',
  'nats.dev.image': 'linchpin/dev-nats:dev',
};

const docker = (...args: string[]): Promise<string> => command('docker', args, { env });
const exists = (image: string): Promise<boolean> => succeeds('docker', ['image', 'inspect', image], { env });
const idOf = async (image: string): Promise<string> =>
  (await docker('image', 'inspect', '--format', '{{.Id}}', image)).trim();

/** Which images a release is made of, as `helm --set` takes it. */
export const imageValues = (origin: Origin, tag: string): string[] => [
  `image.tag=${tag}`,
  ...(origin === 'local' ? Object.entries(BACKENDS).map(([key, image]) => `${key}=${image}`) : []),
];

/** Builds everything, loads what the node does not have, resolves with the tag of the roles' images. */
export async function prepareImages(origin: Origin): Promise<string> {
  const backends = origin === 'local' ? Object.values(BACKENDS) : [];
  for (const name of backends)
    if (!(await exists(name))) await step(`building ${name}`, () => buildBackend(name));
  const tag = await step("building the roles' images", () => buildRoles(origin));
  await load([...backends, ...ROLES.map((role) => `linchpin/${role}:${tag}`)]);
  return tag;
}

/** The tag follows from the images' content, so that an upgrade rolls pods exactly when something changed. */
export async function buildRoles(origin: Origin): Promise<string> {
  if (origin === 'local') await image('local-base');
  await image('all');
  const ids = await Promise.all(ROLES.map((role) => idOf(`linchpin/${role}:dev`)));
  const tag = `dev-${createHash('sha256').update(ids.join()).digest('hex').slice(0, 10)}`;
  await tagRoles('dev', tag);
  return tag;
}

export async function tagRoles(from: string, to: string): Promise<void> {
  for (const role of ROLES) await docker('tag', `linchpin/${role}:${from}`, `linchpin/${role}:${to}`);
}

const image = (what: string): Promise<string> => command(join(root, 'scripts/run'), ['image', what], { env });

async function buildBackend(name: string): Promise<void> {
  const base = ['--build-arg', 'BASE=linchpin/base'];
  if (name.includes('postgres')) {
    await docker('build', '--quiet', ...base, '--tag', name, join(own, 'postgres'));
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'linchpin-nats-'));
  try {
    copyFileSync(join(own, 'nats/Dockerfile'), join(folder, 'Dockerfile'));
    copyFileSync(join(cache, 'bin/nats-server'), join(folder, 'nats-server'));
    await docker('build', '--quiet', '--tag', name, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Copies images into the node, all in one stream, so that layers which they share are read once. */
export async function load(images: string[]): Promise<void> {
  const there = await imagesOfNode();
  const missing: string[] = [];
  for (const name of images) if (there.get(`docker.io/${name}`) !== (await idOf(name))) missing.push(name);
  if (missing.length === 0) return say('the node has every image already');
  const script = 'docker save "$@" | docker exec -i "$0" ctr --namespace k8s.io images import -';
  const run = () => command('bash', ['-o', 'pipefail', '-c', script, NODE, ...missing], { env });
  await step(`loading ${missing.length} images: ${missing.join(', ')}`, run);
}

/** Name → id as Docker has it: the digest of the configuration that the image's manifest names. */
async function imagesOfNode(): Promise<Map<string, string>> {
  const script = `ctr -n k8s.io images ls | awk '/linchpin\\// { print $1, $3 }' | while read -r name digest; do
    echo "$name $(ctr -n k8s.io content get "$digest" | tr -d ' \\n' | sed -n 's/.*"config":{[^}]*"digest":"\\([^"]*\\)".*/\\1/p')"
  done`;
  const lines = (await docker('exec', NODE, 'sh', '-c', script)).trim().split('\n');
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}
