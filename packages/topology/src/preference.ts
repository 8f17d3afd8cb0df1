import { createHash } from 'node:crypto';

/**
 * Rendezvous hashing: each key prefers the pods in an order of its own, which is the same at everybody who knows the same pods, and
 * changes little when pods come and go.
 */
export function preference(key: string, pods: readonly string[]): string[] {
  const score = (pod: string): string => createHash('md5').update(`${key} ${pod}`).digest('hex');
  const scored = pods.map((pod) => ({ pod, score: pods.length < 2 ? '' : score(pod) }));
  return scored.sort((a, b) => (a.score < b.score ? 1 : -1)).map(({ pod }) => pod);
}
