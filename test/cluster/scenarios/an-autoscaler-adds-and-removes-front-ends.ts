import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { cache } from '../machine.ts';
import type { Row } from '../scenario.ts';

/** Short windows, and so little requested that a load from one machine is much, yet more than two idle pods take on a busy one. */
const VALUES = `frontend:
  resources: { requests: { cpu: 70m, memory: 128Mi }, limits: { memory: 768Mi } }
  autoscaling:
    enabled: true
    minReplicas: 1
    maxReplicas: 3
    targetCPUUtilizationPercentage: 100
    scaleDownStabilizationSeconds: 15
`;

export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  const values = join(cache, 'autoscaling.yaml');
  writeFileSync(values, VALUES);
  await lab.upgrade({ values: [values] });
  const count = async (): Promise<number> => (await lab.kube.pods('frontend')).length;
  const reached = (what: string, test: (pods: number) => boolean) => async (): Promise<string> => {
    const begun = performance.now();
    await lab.kube.until(what, async () => test(await count()), 600_000);
    await lab.kube.until('all ready', async () => (await lab.kube.unready()) === '');
    return `${await count()} Front Ends after ${Math.round((performance.now() - begun) / 1000)} s`;
  };
  try {
    await lab.kube.until('one Front End while nothing happens', async () => (await count()) === 1, 600_000);
    await lab.underLoad({ users: 100, rates: { messages: 100, presence: 8, signIns: 8 } }, async (load) => {
      note(
        await load.during(
          '100 messages each second: pods are added',
          reached('a second pod', (pods) => pods > 1),
        ),
      );
      const quiet = { messages: 1, presence: 0, signIns: 0 };
      note(
        await load.during(
          '1 message each second: pods are removed',
          reached('one pod', (pods) => pods === 1),
          {
            rates: quiet,
          },
        ),
      );
    });
  } finally {
    await lab.upgrade();
    await lab.restore();
  }
}
