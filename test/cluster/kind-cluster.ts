import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { command, succeeds } from './command.ts';
import { cache, env, kubeconfig, nodeImage, type Origin } from './machine.ts';
import { say, step } from './progress.ts';

export const CLUSTER = 'linchpin';
export const NODE = `${CLUSTER}-control-plane`;
const METRICS_SERVER = 'registry.k8s.io/metrics-server/metrics-server:v0.8.1';

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');

export const clusterExists = async (): Promise<boolean> =>
  (await command('kind', ['get', 'clusters'], { env })).split('\n').includes(CLUSTER);

/** Makes the cluster unless it is there, and sees that figures for autoscalers come. */
export async function ensureCluster(origin: Origin): Promise<void> {
  if (await clusterExists()) await reuse();
  else await step(`making the cluster ${CLUSTER}`, () => create(origin));
  const manifest = read('local/metrics-server.yaml');
  const input =
    origin === 'local' ? manifest : manifest.replace('linchpin/metrics-server:local', METRICS_SERVER);
  await command('kubectl', ['apply', '-f', '-'], { env, input });
}

/** A machine that was restarted leaves the node's container stopped. */
async function reuse(): Promise<void> {
  await command('docker', ['start', NODE], { env });
  await command('kind', ['export', 'kubeconfig', '--name', CLUSTER, '--kubeconfig', kubeconfig], { env });
  const up = (): Promise<boolean> => succeeds('kubectl', ['get', '--raw', '/readyz'], { env });
  if (await up()) return say(`using the cluster ${CLUSTER} that exists`);
  await step('waiting for the cluster that exists', async () => {
    for (const deadline = Date.now() + 120_000; !(await up()); ) {
      if (Date.now() > deadline) throw new Error(`It does not answer. \`npm run cluster down\` removes it.`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });
}

async function create(origin: Origin): Promise<void> {
  const file = join(cache, 'kind.yaml');
  writeFileSync(file, configuration(origin));
  const image = origin === 'local' ? ['--image', nodeImage()] : [];
  const args = ['--name', CLUSTER, '--config', file, '--kubeconfig', kubeconfig, '--wait', '180s', ...image];
  await command('kind', ['create', 'cluster', ...args], { env });
}

function configuration(origin: Origin): string {
  const ordinary = parse(read('kind.yaml')) as { nodes: [object] };
  if (origin === 'public') return stringify(ordinary);
  const changes = parse(read('local/kind-changes.yaml')) as { nodes: [object] };
  return stringify({ ...ordinary, ...changes, nodes: [{ ...ordinary.nodes[0], ...changes.nodes[0] }] });
}

export async function deleteCluster(): Promise<void> {
  await command('kind', ['delete', 'cluster', '--name', CLUSTER, '--kubeconfig', kubeconfig], { env });
}
