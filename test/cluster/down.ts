import { succeeds } from './command.ts';
import { clusterExists, deleteCluster } from './kind-cluster.ts';
import { NAMESPACE, RELEASE } from './kube.ts';
import { cache, env, findEngine, stopEngine } from './machine.ts';
import { say, step } from './progress.ts';

/** Leaves the cache: a cluster made anew from it takes a minute. */
export async function down(): Promise<void> {
  if (!(await findEngine())) return say('no Docker engine runs, so there is no cluster');
  if (await clusterExists()) {
    await step('uninstalling the release', () =>
      succeeds('helm', ['uninstall', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '90s'], { env }),
    );
    await step('deleting the cluster', deleteCluster);
  }
  await stopEngine();
  say(`gone; what was compiled stays in ${cache}`);
}
