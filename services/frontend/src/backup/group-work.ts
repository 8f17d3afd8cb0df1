import type { Claim, Row, Rows } from './rows.ts';

/**
 * What is in memory of the groups, as it is stored in their streams. What is known and not in the stream any more, because that was
 * lost and is being filled again, has revision 0.
 */
export interface BackupSource {
  /** Undefined where the key is deleted. */
  entry(key: string): Row | undefined;
  entriesOfGroup(group: number): Iterable<Pick<Row, 'key' | 'revision'>>;
}

/** What is to be written of one group, from the moment this pod became its owner. */
export interface GroupWork {
  readonly group: number;
  /** What makes this pod the group's owner: the stream, as told from others that had its name, and the term. */
  own(owner: Owner): void;
  changed(key: string, revision: number): void;
  /** Changes that are not written; where that is not known yet, at least one. */
  readonly lag: number;
  /** performance.now() of the oldest of them. */
  readonly since: number | undefined;
  /** Writes what there is to write. Rejects when PostgreSQL is away; nothing is forgotten then. */
  flush(): Promise<void>;
  /** The group is another pod's: what is not in memory here any more is not deleted. Nothing more is written. */
  close(): void;
}

export type Owner = Omit<Claim, 'group'>;

export interface GroupWorkParts {
  group: number;
  owner: Owner;
  rows: Rows;
  source: BackupSource;
  onWritten(changes: number): void;
  now(): number;
  /** A later owner writes this group. */
  onShutOut(claim: Claim): void;
}

/** Keys in one statement, and the length of their values. */
const BATCH = 500;
const BATCH_LENGTH = 1_000_000;
/** With more keys than that, all of the group is compared once PostgreSQL is back. */
const REMEMBERED = 20_000;

export function createGroupWork({
  group,
  owner,
  rows,
  source,
  onWritten,
  now,
  onShutOut,
}: GroupWorkParts): GroupWork {
  const dirty = new Set<string>();
  let stage: 'unclaimed' | 'unknown' | 'known' | 'shut out' = 'unclaimed';
  let claim: Claim = { group, ...owner };
  let next: Owner = owner;
  let underWay = 0;
  let stored = 0;
  let since: number | undefined = now();
  let isClosed = false;

  /** The stream may have been lost and made anew, with sequences that begin again. */
  function follow({ incarnation, term }: Owner): void {
    if (incarnation === claim.incarnation && term === claim.term) return;
    claim = { group, incarnation, term };
    stage = 'unclaimed';
  }

  async function takeHold(): Promise<void> {
    stage = (await rows.claim(claim)) ? 'unknown' : 'shut out';
    if (stage === 'shut out') onShutOut(claim);
  }

  /** The rows may be another owner's work, or of another stream: what differs is found by its revision. */
  async function compare(): Promise<void> {
    const written = await rows.revisions(group);
    if (isClosed) return;
    stored = 0;
    for (const { key, revision } of source.entriesOfGroup(group)) {
      if (written.get(key) !== revision) dirty.add(key);
      written.delete(key);
      stored = Math.max(stored, revision);
    }
    for (const key of written.keys()) dirty.add(key);
    stage = 'known';
  }

  async function writeBatch(): Promise<void> {
    const began = now();
    const { keys, kept, gone } = takeBatch();
    const completeTo = dirty.size === 0 ? stored : undefined;
    underWay = keys.length;
    let held: boolean;
    try {
      held = await rows.write(claim, { kept, gone, completeTo });
    } catch (error) {
      for (const key of keys) dirty.add(key);
      throw error;
    } finally {
      underWay = 0;
    }
    // Either another is primary, or the tables are not those that were claimed: the next claim tells which.
    if (!held) stage = 'unclaimed';
    else onWritten(keys.length);
    if (completeTo !== undefined && held) since = dirty.size > 0 ? began : undefined;
  }

  function takeBatch() {
    const batch = { keys: [] as string[], kept: [] as Row[], gone: [] as string[] };
    let length = 0;
    for (const key of dirty) {
      if (batch.keys.length >= BATCH || length >= BATCH_LENGTH) break;
      dirty.delete(key);
      batch.keys.push(key);
      const entry = source.entry(key);
      if (entry) batch.kept.push(entry);
      else batch.gone.push(key);
      length += entry?.text.length ?? 0;
    }
    return batch;
  }

  return {
    group,
    own(owner) {
      // Not while something is under way in the name of the one before.
      next = owner;
    },
    changed(key, revision) {
      stored = Math.max(stored, revision);
      since ??= now();
      dirty.add(key);
      if (dirty.size <= REMEMBERED) return;
      dirty.clear();
      if (stage === 'known') stage = 'unknown';
    },
    get lag() {
      if (stage === 'shut out') return 0;
      return Math.max(stage === 'known' ? 0 : 1, dirty.size + underWay);
    },
    get since() {
      return stage === 'shut out' ? undefined : since;
    },
    async flush() {
      follow(next);
      if (stage === 'unclaimed') await takeHold();
      if (stage === 'shut out' || isClosed) return;
      const isNew = stage === 'unknown';
      if (isNew) await compare();
      // What changes meanwhile is for the next time, with what changes after that. Without a change it is noted that there was none.
      const batches = Math.max(isNew ? 1 : 0, Math.ceil(dirty.size / BATCH));
      for (let batch = 0; batch < batches && stage === 'known' && !isClosed; batch++) await writeBatch();
    },
    close() {
      isClosed = true;
    },
  };
}
