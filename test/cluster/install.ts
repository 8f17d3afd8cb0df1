import { join } from 'node:path';
import { command } from './command.ts';
import { createKube, type Kube, NAMESPACE, RELEASE } from './kube.ts';
import { env, type Origin, root } from './machine.ts';
import { step } from './progress.ts';

export const chart = join(root, 'charts/linchpin');
export const kindValues = join(chart, 'values-kind.yaml');

export interface InstallOptions {
  namespace?: string;
  /** `key=value`, as `helm --set` takes it. */
  set?: readonly string[];
  /** Further values files, later ones win. */
  values?: readonly string[];
  wait?: boolean;
  minutes?: number;
  /** Ends helm, which then notes that the release failed. */
  signal?: AbortSignal;
}

/** `helm upgrade --install`; rejects with what helm said. `images` are values too, see images.ts. */
export function helmUpgrade(images: readonly string[], options: InstallOptions = {}): Promise<string> {
  const { namespace = NAMESPACE, set = [], values = [], wait = true, minutes = 6, signal } = options;
  const files = [kindValues, ...values].flatMap((file) => ['--values', file]);
  const sets = [...images, ...set].flatMap((pair) => ['--set', pair]);
  const waiting = wait ? ['--wait', '--timeout', `${minutes}m`] : [];
  const where = ['--namespace', namespace, '--create-namespace'];
  return command('helm', ['upgrade', '--install', RELEASE, chart, ...where, ...files, ...sets, ...waiting], {
    env,
    signal,
  });
}

/** A pod that ended so often and is not ready will not start by itself. */
const HOPELESS = 4;

/** Gives up as soon as a pod has ended several times, and says what it said. */
export async function installRelease(images: readonly string[]): Promise<void> {
  const kube = createKube();
  await forgetUnfinished(kube);
  const before = await kube.restarts().catch(() => new Map<string, number>());
  const giveUp = new AbortController();
  const watching = setInterval(async () => {
    const now = await kube.restarts().catch(() => before);
    if ([...now].some(([uid, count]) => count - (before.get(uid) ?? 0) >= HOPELESS)) giveUp.abort();
  }, 3000);
  const install = () => helmUpgrade(images, { signal: giveUp.signal });
  try {
    await step(`installing the release ${RELEASE}`, install, kube.unready);
  } catch (error) {
    const complaints = await kube.complaints();
    throw new Error(complaints === '' ? (error as Error).message : `pods do not start:\n${complaints}`);
  } finally {
    clearInterval(watching);
  }
}

/** A helm that was killed has left a note that it is at work, with which no other begins. */
const forgetUnfinished = (kube: Kube): Promise<string> =>
  kube.run(
    'delete',
    'secret',
    '--ignore-not-found',
    `--selector=owner=helm,name=${RELEASE},status in (pending-install,pending-upgrade,pending-rollback)`,
  );

interface ImageValues {
  image: { tag: string };
  postgresql?: { dev?: { image?: string } };
}

/** Of the release that is there: the tag of its roles, and whether its backends were made here. */
export async function installedImages(): Promise<{ tag: string; origin: Origin }> {
  const args = ['get', 'values', RELEASE, '-n', NAMESPACE, '-o', 'json'];
  const { image, postgresql } = JSON.parse(await command('helm', args, { env })) as ImageValues;
  return { tag: image.tag, origin: postgresql?.dev?.image === undefined ? 'public' : 'local' };
}

export async function secret(name: string, key: string): Promise<Buffer> {
  const { data } = await createKube().json<{ data: Record<string, string> }>('get', 'secret', name);
  const value = data[key];
  if (value === undefined)
    throw new Error(`Secret ${name} has no ${key}, only ${Object.keys(data).join(', ')}`);
  return Buffer.from(value, 'base64');
}
