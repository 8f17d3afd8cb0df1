import { createHash } from 'node:crypto';
import type { Directory } from '@linchpin/topology';

/** A Front End pod that can be reached now. */
export interface Way<F> {
  readonly up: boolean;
  send(frame: F): boolean;
}

/** Rendezvous hashing: each user prefers the pods of the pool in an order of its own, which changes little when pods come and go. */
export function preference(user: string, pods: readonly string[]): string[] {
  const score = (pod: string): string => createHash('md5').update(`${user} ${pod}`).digest('hex');
  return pods.length < 2 ? [...pods] : [...pods].sort((a, b) => (score(a) < score(b) ? 1 : -1));
}

/** The way to the Front End that serves a user: its home pool, there the first preferred pod that is up. */
export function createHome<F>(directory: Directory, ways: ReadonlyMap<string, Way<F>>) {
  return function wayTo(identity: string): { pool: string; way: Way<F> | undefined } {
    const pool = directory.user(identity)?.spec.pool ?? '';
    const pods = directory.poolMembers(pool).map((member) => member.name);
    for (const pod of preference(identity, pods)) {
      const way = ways.get(pod);
      if (way?.up) return { pool, way };
    }
    return { pool, way: undefined };
  };
}
