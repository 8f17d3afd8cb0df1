/** What is wrong with a chain, at the first place where something is. */
export interface Finding {
  /** `unprovable`: nothing is known to be wrong, and a hash that was given cannot be compared any more. */
  problem: 'altered' | 'missing' | 'extra' | 'unprovable';
  /** The number of the event; the first of them where several are missing. */
  seq: number;
  detail: string;
}

/** What was found of one chain. */
export interface ChainReport {
  /** The id of a room or category; `audit` and `legal-holds` for those tables. */
  scope: string;
  name: string;
  /** The first number that is still kept, and the last. */
  firstSeq: number;
  lastSeq: number;
  /** Events that were computed again. */
  events: number;
  /** Where the chain ends: what an export of this moment has to say too. */
  head: Buffer;
  finding: Finding | undefined;
}

/** A hash that is known from elsewhere, an export or a file that an adapter has written. */
export interface Anchor {
  scope: string;
  seq: number;
  hash: Buffer;
}

export const altered = (seq: number, detail: string): Finding => ({ problem: 'altered', seq, detail });

export const missing = (from: number, to: number): Finding => ({
  problem: 'missing',
  seq: from,
  detail: from === to ? `event ${from} is not there` : `events ${from} to ${to} are not there`,
});

export const anew = (seq: number, hash: Buffer): Finding =>
  altered(seq, `the chain was computed anew: the hash given was ${hash.toString('hex')}`);
