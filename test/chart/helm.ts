import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { startCluster } from './cluster.ts';

const root = join(import.meta.dirname, '../..');
export const chart = join(root, 'charts/linchpin');
const cache = process.env.LINCHPIN_CLUSTER_CACHE ?? join(homedir(), '.cache/linchpin-cluster');

/** What scripts/install-chart-tools makes schemas of. */
export const KUBERNETES = ['1.34.4', '1.36.3'] as const;

function tool(name: string): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(cache, 'bin')];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed: run scripts/install-chart-tools`);
  return found;
}

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: as many shapes as there are kinds
  [key: string]: any;
}

/** Where the release is. */
export const NAMESPACE = 'lync';

/** `key=value` pairs as arguments. */
export const set = (...values: string[]): string[] => values.flatMap((value) => ['--set', value]);

const template = (args: string[], version: string): string[] => [
  'template',
  'uc',
  chart,
  '--namespace',
  NAMESPACE,
  '--kube-version',
  version,
  ...args,
];

export const renderText = (args: string[] = [], version: string = KUBERNETES[0]): string =>
  execFileSync(tool('helm'), template(args, version), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 24,
  });

export const render = (args: string[] = []): Manifest[] => parsed(renderText(args));

const parsed = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);

/** Where these objects are in the namespace already: what `lookup` in the templates finds. */
export async function renderWhere(present: readonly Manifest[], args: string[] = []): Promise<Manifest[]> {
  const cluster = await startCluster(present);
  try {
    const server = ['--dry-run=server', '--kube-apiserver', cluster.address];
    const options = { maxBuffer: 2 ** 24, env: { ...process.env, KUBECONFIG: '/dev/null' } };
    const run = promisify(execFile);
    const { stdout } = await run(tool('helm'), [...template(args, KUBERNETES[0]), ...server], options);
    return parsed(stdout);
  } finally {
    cluster.stop();
  }
}

export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}

/** What Helm says to values that it refuses. */
export function refusal(args: string[]): string {
  const { status, stderr } = spawnSync(tool('helm'), template(args, KUBERNETES[0]), { encoding: 'utf8' });
  return status === 0 ? '' : stderr;
}

export const lint = (args: string[]): string =>
  execFileSync(tool('helm'), ['lint', '--strict', chart, '--kube-version', KUBERNETES[0], ...args], {
    encoding: 'utf8',
  });

/** Kinds of operators, whose schemas are not Kubernetes' own. */
const FOREIGN = 'Certificate,Issuer,ServiceMonitor,PrometheusRule';

/** kubeconform's complaints; empty when the manifests are what that version of Kubernetes knows. */
export function complaints(manifests: string, version: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'chart-'));
  try {
    writeFileSync(join(folder, 'all.yaml'), manifests);
    const schemas = join(cache, 'schemas', version);
    if (!existsSync(schemas))
      throw new Error(`no schemas of Kubernetes ${version}: run scripts/install-chart-tools`);
    const location = join(schemas, '{{.ResourceKind}}{{.KindSuffix}}.json');
    const args = [
      '-strict',
      '-skip',
      FOREIGN,
      '-kubernetes-version',
      version,
      '-schema-location',
      location,
      folder,
    ];
    const { stdout, stderr, status } = spawnSync(tool('kubeconform'), args, { encoding: 'utf8' });
    return status === 0 ? '' : stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
