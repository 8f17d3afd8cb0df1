import type { GetPoolReply } from '@linchpin/proto/frontend/v1/frontend';
import { type MemberRecord, poolView } from '@linchpin/topology';

export interface PoolParts {
  pod: string;
  /** This pod's own pool. */
  pool: string;
  /** The Front Ends of the pool that live, this one too. */
  records(): readonly MemberRecord[];
  /** How far this pod has seen the group's stream, 0 where it does not follow it. */
  sequenceOf(group: number): number;
  /** Changes that are not in PostgreSQL, of one group or of all that this pod owns. */
  backupLagOf(group?: number): number;
}

/** What all members announce, and of its own groups and copies what only this pod knows. */
export function describePool({ pod, pool, records, sequenceOf, backupLagOf }: PoolParts): GetPoolReply {
  const view = poolView(pool, records());
  for (const group of view.groups) {
    if (group.owner === pod) {
      group.lastSequence = sequenceOf(group.group);
      group.backupLag = backupLagOf(group.group);
    }
    for (const copy of group.secondaries) if (copy.pod === pod) copy.seen = sequenceOf(group.group);
  }
  // What was announced may be some seconds old.
  for (const member of view.members) if (member.pod === pod) member.backupLag = backupLagOf();
  return view;
}
