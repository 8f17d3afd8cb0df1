import type { Lab, Load } from '../lab.ts';
import type { Row } from '../scenario.ts';
import { kill } from './a-killed-process-is-served-again.ts';

/** All NATS servers at once, one of them, PostgreSQL, and NATS of which a third never comes back. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  try {
    await lab.underLoad({}, async (load) => {
      // First: the kubelet lets a container that ended several times wait before it starts it again.
      note(await killAllNats(lab, load));
      note(await kill(lab, load, 'nats'));
      note(await kill(lab, load, 'postgresql'));
      note(await loseOne(lab, load));
    });
  } finally {
    await lab.kube.run('scale', 'statefulset/linchpin-nats', '--replicas=3');
    await lab.kube.settled('nats', 3);
  }
}

/** What is stored waits for NATS; clients try again, so people see a delay and no failure. */
function killAllNats(lab: Lab, load: Load): Promise<Row> {
  const change = async (): Promise<string> => {
    const pods = await lab.kube.pods('nats');
    await Promise.all(pods.map(({ metadata }) => lab.kube.kill(metadata.name)));
    const seen = async () => !(await lab.kube.ready('linchpin-nats-0'));
    await lab.kube.until('the kill is seen', seen, 5000).catch(() => {});
    const took = await lab.kube.settled('nats', pods.length);
    return `all ready again in ${(took / 1000).toFixed(1)} s`;
  };
  return load.during('kill -9 of all NATS servers at once', change, { mayFail: true });
}

/** NATS is away as a whole for a while, then two of three have to be enough. */
function loseOne(lab: Lab, load: Load): Promise<Row> {
  const change = async (): Promise<string> => {
    await lab.kube.run('scale', 'statefulset/linchpin-nats', '--replicas=0');
    await lab.kube.settled('nats', 0);
    await lab.kube.run('scale', 'statefulset/linchpin-nats', '--replicas=2');
    const took = await lab.kube.settled('nats', 2);
    const begun = performance.now();
    await lab.kube.until('everybody is served', async () => load.down === 0, 60_000);
    const served = ((performance.now() - begun) / 1000).toFixed(1);
    return `2 of 3 ready in ${(took / 1000).toFixed(1)} s, everybody served ${served} s later`;
  };
  return load.during('all NATS servers go, two come back', change, { mayFail: true });
}
