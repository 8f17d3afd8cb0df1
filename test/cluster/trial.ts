import { succeeds } from './command.ts';
import { createKube, type Kube, RELEASE } from './kube.ts';
import { env } from './machine.ts';

/** A namespace for what must not disturb anybody. */
export const TRIAL = 'linchpin-trial';

/** As small as it gets, and none of the node ports that the real release has. */
export const trialValues = [
  'nats.dev.replicas=1',
  'cms.service.type=ClusterIP',
  'edge.service.type=ClusterIP',
  'frontend.service.type=ClusterIP',
  'persistentChat.service.type=ClusterIP',
  'edge.replicas=1',
  'cms.replicas=1',
  'director.replicas=1',
  'frontend.replicas=1',
  'persistentChat.replicas=1',
  // Beside a whole release the node has little left to be requested.
  ...['cms', 'director', 'edge', 'frontend', 'persistentChat', 'nats.dev', 'postgresql.dev'].map(
    (part) => `${part}.resources.requests.cpu=5m`,
  ),
];

const removeNamespace = (): Promise<boolean> =>
  succeeds('kubectl', ['delete', 'namespace', TRIAL, '--ignore-not-found', '--wait'], { env });

/** An empty namespace for `work`, which installs there; takes everything away again. */
export async function withTrial(work: (kube: Kube) => Promise<void>): Promise<void> {
  await removeNamespace();
  try {
    await work(createKube(TRIAL));
  } finally {
    await succeeds('helm', ['uninstall', RELEASE, '-n', TRIAL], { env });
    await removeNamespace();
  }
}
