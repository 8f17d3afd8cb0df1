import type { Members } from '@linchpin/topology';

/** Tells when a pod is another process under the same name: what its last one held is gone. Returns the way to stop. */
export function followIncarnations(
  members: Pick<Members, 'list' | 'onChange'>,
  onNew: (pod: string) => void,
): () => void {
  const known = new Map<string, string>();
  return members.onChange(() => {
    for (const { pod, incarnation } of members.list()) {
      const before = known.get(pod);
      if (before === incarnation) continue;
      known.set(pod, incarnation);
      if (before !== undefined) onNew(pod);
    }
  });
}
