import { type Anchor, type ChainReport, verifyScope } from '../../src/compliance/verify.ts';
import { type ComplianceRig, type Pod, post, posts } from './rig.ts';

/** A pod that has put these events into their chains. */
export async function withEvents(rig: ComplianceRig, scope: string, count: number): Promise<Pod> {
  const pod = await rig.pod();
  await rig.publish(scope, { ...post(scope, 1), kind: 'room-created', name: 'Sales', change: {} } as never);
  for (let from = 2; from <= count; from += 500)
    await rig.publish(scope, ...posts(scope, from, Math.min(count, from + 499)));
  await rig.stored(count);
  return pod;
}

export async function report(pod: Pod, scope: string, anchors: Anchor[] = []): Promise<ChainReport> {
  const found = await verifyScope(pod.database, scope, anchors);
  if (found === undefined) throw new Error('there is no chain');
  return found;
}
