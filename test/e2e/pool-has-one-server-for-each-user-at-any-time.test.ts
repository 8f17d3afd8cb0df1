// A Front End that stands still, or cannot reach NATS, serves nothing any more before another serves its users; and
// when it goes on it knows that it is not the owner, whatever had been sent to it meanwhile.
import { afterEach, describe, expect, it } from 'vitest';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import type { Announced, Ownership } from '../pool/pool-view.ts';
import { expectSoon, wait } from '../pool/wait.ts';
import { createWitness, type Served, type Witness } from '../pool/witness.ts';

let pool: PoolLab;
let witness: Witness;

afterEach(async () => {
  await witness?.stop();
  await pool?.close();
});

/** Milliseconds by which this process may hear of a hand-over later than its parties. */
const HEARSAY = 300;

/** When a pod was the owner, by what was written to the group's store. */
function wasOwner({ pod, at }: Served, owners: readonly Ownership[]): boolean {
  return owners.some((owner, index) => {
    const until = owners[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    return owner.pod === pod && at >= owner.at - HEARSAY && at <= until + HEARSAY;
  });
}

/** No group at one term is claimed by two. */
function expectOneClaim(records: readonly Announced[]): void {
  const claims = new Map<string, string>();
  for (const { pod, groups } of records)
    for (const [group, term] of groups?.owned ?? []) {
      const claim = `group ${group} at term ${term}`;
      expect([claim, claims.get(claim) ?? pod]).toEqual([claim, pod]);
      claims.set(claim, pod);
    }
}

interface Harm {
  begin(pod: Pod): void;
  end(pod: Pod): void;
}

const harms: Record<string, Harm> = {
  'stands still': { begin: (pod) => pool.pause(pod), end: (pod) => pool.resume(pod) },
  'is cut off from NATS': { begin: ({ nats }) => nats.cut(), end: ({ nats }) => nats.heal() },
};

const HARM_MS = 8000;

describe.each(Object.entries(harms))('a Front End that %s', (_, { begin, end }) => {
  it('has stopped serving before another begins, and does not begin again by itself', async () => {
    pool = await startPool({ frontends: 3, directors: 0, edges: 0, users: 60 });
    const [old, landing] = pool.pods('frontend') as [Pod, Pod];
    await pool.view.ownedBy(pool.pods('frontend').map(({ name }) => name));
    witness = await createWitness(pool, old, landing);
    const records: Announced[] = [];
    pool.view.onMember((member) => records.push(member));
    await wait(1000);

    const harmedAt = performance.now();
    begin(old);
    const asked = [1, 4000, 6000].map((delay) => wait(delay).then(() => witness.askOldOwner()));
    await expectSoon(
      () => witness.owners.at(-1)?.pod,
      (pod) => pod !== old.name,
      10_000,
    );
    const takenAt = witness.owners.at(-1)?.at ?? 0;
    await wait(Math.max(0, harmedAt + HARM_MS - performance.now()));
    end(old);
    const statuses = await Promise.all(asked);
    await pool.view.ownedBy(pool.pods('frontend').map(({ name }) => name));
    await wait(1000);

    const byOld = witness.served.filter(({ pod, at }) => pod === old.name && at > harmedAt && at < takenAt);
    const first = witness.served.find(({ at, pod }) => at > harmedAt && pod !== old.name);
    const last = byOld.at(-1)?.at ?? harmedAt;
    console.log(
      `taken over after ${Math.round(takenAt - harmedAt)} ms; the old owner served last ${Math.round(last - harmedAt)} ms after, ` +
        `the new one first ${Math.round((first?.at ?? 0) - harmedAt)} ms; who asked the old one got ${statuses.join(', ')}; ` +
        `terms ${witness.owners.map(({ pod, term }) => `${term} ${pod}`).join(', ')}`,
    );
    // Half a second at least lies between the end of a lease and the end of patience with its holder.
    expect(last).toBeLessThan(takenAt - 500);
    expect(witness.served.filter((one) => !wasOwner(one, witness.owners))).toEqual([]);
    const terms = witness.owners.map(({ term }) => term);
    expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b));
    expectOneClaim(records);
    expect(witness.outcomes.filter(({ ok }) => !ok)).toEqual([]);
    const { acknowledged, seen, dialogs } = witness.notes();
    expect({ seen, dialogs }).toEqual({ seen: acknowledged, dialogs: 1 });
  });
});
