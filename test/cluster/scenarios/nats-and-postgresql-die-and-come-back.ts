import type { Lab, Load } from '../lab.ts';
import type { Row } from '../scenario.ts';
import { kill } from './a-killed-process-is-served-again.ts';

/** The backends: one of three NATS servers, PostgreSQL, then all NATS servers at once. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  await lab.underLoad({}, async (load) => {
    note(await kill(lab, load, 'nats'));
    note(await kill(lab, load, 'postgresql'));
    note(await killAllNats(lab, load));
  });
}

/** What is stored waits for NATS; its clients try again, so people see a delay and no failure. */
function killAllNats(lab: Lab, load: Load): Promise<Row> {
  return load.during('kill -9 of all NATS servers at once', async () => {
    const pods = await lab.kube.pods('nats');
    await Promise.all(pods.map(({ metadata }) => lab.kube.kill(metadata.name)));
    const { length } = pods;
    await lab.kube
      .until('the kill is seen', async () => !(await lab.kube.ready('linchpin-nats-0')), 5000)
      .catch(() => {});
    const took = await lab.kube.settled('nats', length);
    return `all ready again in ${(took / 1000).toFixed(1)} s`;
  });
}
