import { command } from '../command.ts';
import { RELEASE } from '../kube.ts';
import type { Lab } from '../lab.ts';
import { env } from '../machine.ts';
import type { Row } from '../scenario.ts';
import { TRIAL, trialValues, withTrial } from '../trial.ts';

/** What belongs to every namespace. */
const OF_KUBERNETES = /^(configmap\/kube-root-ca\.crt|serviceaccount\/default|event.*)$/;

/** Data and the keys to it stay; with them the next install finds its users again. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await withTrial(async (kube) => {
    await lab.upgrade({ namespace: TRIAL, set: trialValues });
    await kube.run('exec', 'linchpin-cms-0', '--', 'node', '/app/linchpin.js', 'create', 'user', 'stays');
    await command('helm', ['uninstall', RELEASE, '-n', TRIAL, '--wait', '--timeout', '3m'], { env });
    const kinds = (
      await command('kubectl', ['api-resources', '--verbs=list', '--namespaced', '-o', 'name'], { env })
    )
      .trim()
      .split('\n')
      .filter((kind) => !/^events|metrics/.test(kind));
    await kube.until('all pods are gone', async () => (await kube.pods()).length === 0);
    const left = (await kube.run('get', kinds.join(','), '-o', 'name', '--ignore-not-found'))
      .trim()
      .split('\n');
    const ours = left.filter((name) => !OF_KUBERNETES.test(name));
    const stray = ours.filter((name) => !/^(persistentvolumeclaim|secret)\//.test(name));
    note({
      step: 'helm uninstall',
      ok: stray.length === 0,
      measured: stray.length === 0 ? `left: ${summary(ours)}` : `also left: ${stray.join(', ')}`,
    });
    const begun = performance.now();
    await lab.upgrade({ namespace: TRIAL, set: trialValues });
    const users = await kube.run('exec', 'linchpin-cms-0', '--', 'node', '/app/linchpin.js', 'get', 'users');
    note({
      step: 'install again',
      ok: users.includes('stays@'),
      measured: `ready after ${((performance.now() - begun) / 1000).toFixed(0)} s, the user of before ${users.includes('stays@') ? 'is there' : 'is gone'}`,
    });
  });
}

function summary(names: string[]): string {
  const kinds = Map.groupBy(names, (name) => name.split('/')[0]);
  return [...kinds].map(([kind, same]) => `${same.length} ${kind}s`).join(', ');
}
