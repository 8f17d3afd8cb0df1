import type { Lab, Load } from '../lab.ts';
import type { Row } from '../scenario.ts';

/** Milliseconds after which everybody has to have service again. */
const SERVED_AGAIN = 10_000;
const RUN = ['frontend', 'edge', 'director', 'cms'] as const;

/** SIGKILL to one pod of each role, from the node: no drain, no goodbye. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  await lab.underLoad({}, async (load) => {
    for (const role of RUN) note(await kill(lab, load, role));
  });
}

export async function kill(lab: Lab, load: Load, role: string): Promise<Row> {
  const pods = await lab.kube.pods(role);
  const victim = pods.at(-1)?.metadata.name ?? '';
  const change = async (): Promise<string> => {
    await lab.kube.kill(victim);
    await lab.kube
      .until('the kill is seen', async () => !(await lab.kube.ready(victim)), 5000)
      .catch(() => {});
    const took = await lab.kube.settled(role, pods.length);
    return `${victim} ready again in ${(took / 1000).toFixed(1)} s`;
  };
  return load.during(`kill -9 of ${role}, ${pods.length} of them`, change, {
    longest: SERVED_AGAIN,
    mayDouble: true,
  });
}
