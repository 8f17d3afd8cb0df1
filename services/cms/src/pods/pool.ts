// A pool as its members announce it, with what each Front End adds that answers.
import type { GetPoolReply, RoutingGroup } from '@linchpin/proto/frontend/v1/frontend';
import type { MemberRecord } from '@linchpin/topology';
import { poolView } from '@linchpin/topology';

/** `answers`: what each pod says of the pool; only what it says of itself is taken. */
export function mergePool(
  pool: string,
  records: readonly MemberRecord[],
  answers: ReadonlyMap<string, GetPoolReply>,
): GetPoolReply {
  const view = poolView(pool, records);
  for (const member of view.members) {
    const own = answers.get(member.pod)?.members.find(({ pod }) => pod === member.pod);
    if (own !== undefined) member.backupLag = own.backupLag;
  }
  for (const group of view.groups) {
    const own = ownWords(answers.get(group.owner), group);
    if (own !== undefined && own.owner === group.owner) {
      group.lastSequence = own.lastSequence;
      group.backupLag = own.backupLag;
    }
    for (const copy of group.secondaries) {
      const words = ownWords(answers.get(copy.pod), group);
      copy.seen = words?.secondaries.find(({ pod }) => pod === copy.pod)?.seen ?? 0;
    }
  }
  return view;
}

const ownWords = (answer: GetPoolReply | undefined, { group }: RoutingGroup): RoutingGroup | undefined =>
  answer?.groups.find((other) => other.group === group);
