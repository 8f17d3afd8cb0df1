/** The users of a pool are in so many groups; each group is served by one Front End at a time. */
export const GROUPS = 32;

/** The group's primary and two secondaries. */
const COPIES = 3;

/** FNV-1a of `sip:alice@contoso.lab`, with all bits mixed into the few that decide. */
export const groupOf = (aor: string): number => mixed(fnv1a(aor)) % GROUPS;

/**
 * For each group up to three of these pods: who is to serve it, then who keeps a warm copy. The same for the same set
 * of pods in any order, and no pod is first for more than its share. The second is who would be first without the
 * first, so that the death of one pod moves users only to where their state is already.
 */
export function placement(members: readonly string[]): readonly (readonly string[])[] {
  const pods = [...new Set(members)].sort();
  const pairs = sortedPairs(pods);
  const heirs = new Map(pods.map((pod) => [pod, primariesOf(pods.length - 1, pairs, pod)]));
  return primariesOf(pods.length, pairs).map((primary, group) => {
    if (primary === undefined) return [];
    const heir = heirs.get(primary)?.[group];
    const first = heir === undefined ? [primary] : [primary, heir];
    const others = pods.filter((pod) => !first.includes(pod));
    const byScore = others.sort((a, b) => score(b, group) - score(a, group));
    return [...first, ...byScore].slice(0, COPIES);
  });
}

interface Pair {
  pod: string;
  group: number;
  score: number;
}

/**
 * Rendezvous hashing with bounded load: of all pairs of pod and group the one with the highest score is settled first,
 * as long as the pod has room. Who comes or goes so moves little else.
 */
function primariesOf(count: number, pairs: readonly Pair[], except?: string): (string | undefined)[] {
  const share = Math.ceil(GROUPS / count);
  const loads = new Map<string, number>();
  const primaries = new Array<string | undefined>(GROUPS).fill(undefined);
  for (const { pod, group } of pairs) {
    const load = loads.get(pod) ?? 0;
    if (pod === except || load === share || primaries[group] !== undefined) continue;
    primaries[group] = pod;
    loads.set(pod, load + 1);
  }
  return primaries;
}

function sortedPairs(pods: readonly string[]): Pair[] {
  const all = pods.flatMap((pod) =>
    Array.from({ length: GROUPS }, (_, group) => ({ pod, group, score: score(pod, group) })),
  );
  return all.sort((a, b) => b.score - a.score || (a.pod < b.pod ? -1 : 1));
}

/** How much a key, such as a group, prefers a pod: the same at everybody (rendezvous hashing). */
export const score = (pod: string, key: string | number): number => mixed(fnv1a(`${pod} ${key}`));

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** The finalizer of MurmurHash3: FNV's low bits alone know only the low bits of what was hashed. */
function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
