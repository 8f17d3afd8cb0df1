import { fromKeyToken, userStateKey } from '@linchpin/proto/subjects';
import { GROUPS, groupOf } from '@linchpin/topology';
import { pino } from 'pino';
import type { UserState } from '../src/fabric/user-state.ts';
import { createBindings } from '../src/registrar/bindings.ts';
import { document } from '../test/presence-documents.ts';
import { binding, Harness, user } from '../test/presence-harness.ts';

export interface Measured {
  name: string;
  milliseconds: number;
}

const users = 6660;
const watchersEach = 8;

/** What the fabric has in memory: values parsed, by group and facet. */
function warmState(values: ReadonlyMap<string, string>): UserState {
  const all = [...values].map(([key, text]) => [key, JSON.parse(text)] as [string, never]);
  const byKey = new Map<string, unknown>(all);
  const groups = Map.groupBy(all, ([key]) => {
    const [facet, token = ''] = key.split('.');
    return `${facet} ${groupOf(`sip:${fromKeyToken(token)}`)}`;
  });
  return {
    get: <T>(key: string) => byKey.get(key) as T | undefined,
    put: async () => {},
    delete: async () => {},
    entries: () => [],
    entriesOf: (group: number, facet: string) => groups.get(`${facet} ${group}`) ?? [],
  };
}

/** A pool full of people who are signed in, have said what they do, and watch each other. */
async function pool(): Promise<Harness> {
  const harness = new Harness();
  const flow = Object.assign(harness.flow(), { send: () => true });
  const aor = (i: number) => `sip:user-${i % users}@contoso.lab`;
  for (let i = 0; i < users; i++) {
    harness.users.set(aor(i), user(aor(i)));
    harness.bindings.set(aor(i), [binding(flow, `sip:user-${i}@192.0.2.1`, `urn:uuid:${i}`)]);
  }
  const busy = document({ activities: '<rpid:busy/>' });
  for (let i = 0; i < users; i++) {
    harness.presence.bindingsChanged(aor(i));
    await harness.state.put(userStateKey('bindings', aor(i).slice(4)), harness.bindings.get(aor(i)));
    await harness.published(`user-${i}`, flow, busy);
    for (let n = 1; n <= watchersEach; n++)
      await harness.watch(`user-${(i + n * 37) % users}`, `user-${i}`, flow);
  }
  return harness;
}

/** From a group in memory until all that is in it goes on here. */
export async function run(): Promise<Measured[]> {
  const harness = await pool();
  // What was published just before would be told once more.
  const now = () => Date.now() + 15_000;
  const state = warmState(harness.state.values);
  const { presence, stop } = harness.neighbour({ state, now });
  const bindings = createBindings({ state, now, log: pino({ level: 'silent' }), onRemoved: () => {} });
  let longest = 0;
  const before = process.cpuUsage();
  for (let group = 0; group < GROUPS; group++) {
    const from = performance.now();
    bindings.take(group);
    presence.take(group);
    longest = Math.max(longest, performance.now() - from);
    await new Promise(setImmediate);
  }
  const { user: taken, system } = process.cpuUsage(before);
  const released = performance.now();
  for (let group = 0; group < GROUPS; group++) {
    presence.release(group);
    bindings.release(group);
  }
  const releasing = performance.now() - released;
  bindings.stop();
  stop();
  harness.stop();
  const size = `${users} users, ${users * watchersEach} subscriptions`;
  return [
    { name: `CPU to take over ${size}`, milliseconds: (taken + system) / 1000 },
    { name: 'the longest of its groups', milliseconds: longest },
    { name: 'release of all', milliseconds: releasing },
  ];
}
