import { score } from './routing-group.ts';

/**
 * Rendezvous hashing: each key prefers the pods in an order of its own, which is the same at everybody who knows the same pods, and
 * changes little when pods come and go.
 */
export function preference(key: string, pods: readonly string[]): string[] {
  const scored = pods.map((pod) => ({ pod, score: score(pod, key) }));
  return scored.sort((a, b) => b.score - a.score || (a.pod < b.pod ? -1 : 1)).map(({ pod }) => pod);
}
