import { sourceOf } from './address.ts';
import type { Address } from './flow.ts';
import type { TransportLimits } from './limits.ts';

/** Counts connections, in total and for each source. */
export interface Admission {
  /** A reason when there are too many; otherwise the connection is counted until it leaves. */
  enter(remote: Address): true | string;
  leave(remote: Address): void;
}

export function createAdmission(
  limits: TransportLimits,
  admit: (remote: Address) => true | string = () => true,
): Admission {
  const perSource = new Map<string, number>();
  let total = 0;
  return {
    enter(remote) {
      if (total >= limits.connections) return 'too many connections';
      const source = sourceOf(remote.address);
      const count = perSource.get(source) ?? 0;
      if (count >= limits.connectionsPerSource) return 'too many connections from this source';
      const verdict = admit(remote);
      if (verdict !== true) return verdict;
      perSource.set(source, count + 1);
      total++;
      return true;
    },
    leave(remote) {
      const source = sourceOf(remote.address);
      const count = perSource.get(source) ?? 0;
      if (count > 1) perSource.set(source, count - 1);
      else perSource.delete(source);
      total--;
    },
  };
}
