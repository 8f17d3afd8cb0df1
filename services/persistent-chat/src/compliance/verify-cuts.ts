// What is not there any more at the front of a chain: whether retention deleted it, as the audit tells, and what can be proved of it.
import type { PoolClient } from 'pg';
import { altered, anew, type Finding } from './finding.ts';
import type { ChainRow } from './store-rows.ts';

/** What retention deleted in one go, as the audit has it. */
export interface Cut {
  first: number;
  last: number;
  days: number;
  /** That of the last event, in hex; not told by early releases. */
  hash: string | undefined;
}

/** In their order. */
export async function cutsOf(client: PoolClient, scope: string): Promise<Cut[]> {
  const { rows } = await client.query(
    "SELECT detail FROM audit WHERE action = 'retention' AND detail->>'scope' = $1 ORDER BY seq",
    [scope],
  );
  return rows.map(({ detail: { first, last, days, hash } }) => ({ first, last, days, hash }));
}

/**
 * Every event from the first to the cut has to be in the audit as deleted, once, and the last of them with the hash that is kept.
 * `said`: the days for which the room's categories have said that it is kept, where that is known.
 */
export function findingOfCut(
  chain: ChainRow,
  cuts: readonly Cut[],
  said: ReadonlySet<number> | undefined,
): Finding | undefined {
  return notInAudit(chain, cuts) ?? otherHash(chain, cuts.at(-1)?.hash) ?? notSaid(cuts, said);
}

function notInAudit({ cutSeq }: ChainRow, cuts: readonly Cut[]): Finding | undefined {
  let last = 0;
  for (const cut of cuts) {
    if (cut.first !== last + 1)
      return notAccounted(last + 1, Math.max(last + 1, Math.min(cut.first - 1, cutSeq)));
    last = cut.last;
  }
  if (last < cutSeq) return notAccounted(last + 1, cutSeq);
  if (last === cutSeq) return undefined;
  const where = `the audit says that retention deleted up to ${last}, the chain up to ${cutSeq}`;
  return altered(cutSeq + 1, where);
}

function otherHash({ cutSeq, cutHash }: ChainRow, hash: string | undefined): Finding | undefined {
  if (hash === undefined || hash === cutHash.toString('hex')) return undefined;
  return altered(cutSeq, 'the hash at the cut is not the one that the audit has of it');
}

function notSaid(cuts: readonly Cut[], said: ReadonlySet<number> | undefined): Finding | undefined {
  // An early release, which told no hash, has cut off in which category the room was made: what that has said is not known.
  if (cuts[0]?.hash === undefined) return undefined;
  const cut = said && cuts.find(({ days }) => !said.has(days));
  if (cut === undefined) return undefined;
  const { first, last, days } = cut;
  const what = `events ${first} to ${last} were deleted after ${days} days`;
  return altered(first, `${what}, and no category of the room has ever said so many`);
}

const notAccounted = (from: number, to: number): Finding => ({
  problem: 'missing',
  seq: from,
  detail: `${from === to ? `event ${from} is` : `events ${from} to ${to} are`} not there, and the audit does not say that retention deleted them`,
});

/** Hashes that are known of events which were deleted: only that at the end of a cut can be compared. */
export function findingBeforeCut(
  { cutSeq, cutHash }: ChainRow,
  cuts: readonly Cut[],
  known: ReadonlyMap<number, Buffer>,
): Finding | undefined {
  const hashes = new Map(cuts.map(({ last, hash }) => [last, hash]));
  hashes.set(cutSeq, cutHash.toString('hex'));
  const deleted = [...known].filter(([seq]) => seq <= cutSeq).sort(([a], [b]) => a - b);
  const isOther = ([seq, hash]: [number, Buffer]): boolean =>
    ![undefined, hash.toString('hex')].includes(hashes.get(seq));
  const other = deleted.find(isOther);
  if (other !== undefined) return anew(...other);
  const [first] = deleted.filter(([seq]) => hashes.get(seq) === undefined);
  return first && unprovable(first[0], cutSeq);
}

const unprovable = (seq: number, cutSeq: number): Finding => ({
  problem: 'unprovable',
  seq,
  detail: `retention deleted events up to ${cutSeq}: whether event ${seq} had the hash given cannot be shown any more`,
});
