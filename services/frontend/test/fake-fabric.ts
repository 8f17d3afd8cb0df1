import { fromKeyToken } from '@linchpin/proto/subjects';
import { GROUPS, groupOf } from '@linchpin/topology';
import type { Fabric } from '../src/fabric/fabric.ts';
import type { Facet, UserState } from '../src/fabric/user-state.ts';
import type { Owners } from '../src/signaling/dispatch.ts';

/** Who serves whom is the test's to say; what is kept is in memory, and every pod takes what it is given. */
export function createFakeFabric(owners: Owners): Fabric {
  const taken = new Set<(group: number) => void>();
  return {
    ...owners,
    state: createMemory(),
    onTaken(listener) {
      taken.add(listener);
      return () => taken.delete(listener);
    },
    onReleased: () => () => {},
    describe: () => ({ pool: 'frontend', pod: '', lease: { held: true, left: 1 }, groups: [], quorum: '' }),
    entry: () => undefined,
    entriesOfGroup: () => [],
    handAllOver: async () => {},
    start() {
      for (let group = 0; group < GROUPS; group++) for (const listener of taken) listener(group);
    },
    stop: async () => {},
  };
}

function createMemory(): UserState {
  const values = new Map<string, unknown>();
  const userIn = (key: string): string => `sip:${fromKeyToken(key.split('.')[1] ?? '')}`;
  const under = <T>(prefix: string) =>
    [...values].filter(([key]) => key.startsWith(prefix)) as [key: string, value: T][];
  return {
    get: <T>(key: string) => values.get(key) as T | undefined,
    put: async (key, value) => void values.set(key, value),
    delete: async (key) => void values.delete(key),
    entries: under,
    entriesOf: <T>(group: number, facet: Facet) =>
      under<T>(`${facet}.`).filter(([key]) => groupOf(userIn(key)) === group),
  };
}
