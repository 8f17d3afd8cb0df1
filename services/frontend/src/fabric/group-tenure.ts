import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@linchpin/host';
import { OWNER_KEY, type OwnerRecord } from '@linchpin/proto/subjects';
import type { BackupHooks } from './backup-hooks.ts';
import { type Claim, type ClaimParts, claimGroup, isOwn } from './group-claim.ts';
import type { GroupCopy } from './group-copy.ts';
import type { GroupStream, StoredOwner, StreamState } from './group-stream.ts';
import type { GroupWriter } from './group-writer.ts';
import { readTexts, type Slots } from './slot.ts';

/** One process, as the stream names it. */
export type Process = Pick<OwnerRecord, 'pod' | 'incarnation'>;

/** Who owns a group, as its stream says, and how this process becomes, stays and stops being its owner. */
export interface GroupTenure {
  /** Of the newest owner that this process has heard of. */
  readonly term: number;
  readonly owner: 'self' | 'other' | 'free';
  /** What tells the stream from another of its name; empty before the first claim. */
  readonly created: string;
  /** The stream names an owner; undefined: it names none. */
  heard(owner: StoredOwner | undefined): void;
  /** Claims the group from nobody, or from who cannot be serving it; goes on where all of it is in memory. False: it is another's. */
  take(): Promise<boolean>;
  /** This process was named by the last owner, and has read as far as that: goes on from there. */
  adopt(): void;
  /** Whatever went wrong: once a new claim stands in the stream, nothing that was sent before can come after it. */
  retake(): Promise<boolean>;
  /** Names the next owner. Everything is written by then. */
  hand(to: Process): Promise<void>;
  forget(): void;
}

export interface GroupTenureParts {
  group: number;
  self: Process;
  stream: GroupStream;
  slots: Slots;
  copy: GroupCopy;
  writer: GroupWriter;
  log: Logger;
  isLeaseHeld(): boolean;
  /** Whether that process may still be serving the group; undefined: whether any other says so of itself. */
  mayServe(owner: OwnerRecord | undefined): boolean;
  backup: BackupHooks | undefined;
  /** Resolves when this group may take up its users. */
  nextTurn(): Promise<void>;
  /** Calls as soon as nothing else is asked of the stream, if the group is still served then. */
  perform(step: () => Promise<void>): void;
  /** The last claim to a lost stream that was filled again did not come through. */
  onTrouble(): void;
}

export function createGroupTenure(parts: GroupTenureParts): GroupTenure {
  const { group, self, stream, slots, copy, writer, log, isLeaseHeld, mayServe, backup } = parts;
  let known: StoredOwner | undefined;
  let term = 0;
  let created = '';

  const claim = (how: Pick<ClaimParts, 'mayClaimFrom' | 'prepare'>): Promise<Claim | undefined> =>
    claimGroup({ stream, self, term: () => term, isLeaseHeld, ...how });

  /** The claim is the stream's last entry: from here on nobody else writes. */
  function begin(claim: Claim): void {
    known = claim.owner;
    ({ term } = known.record);
    ({ created } = claim);
    writer.fill();
    writer.open(known.sequence);
    if (known.record.filling) finishWhenIdle();
  }

  function beginFromCopy(claim: Claim): void {
    copy.stop();
    readTexts(slots, (key) => log.error({ group, key }, 'this user state cannot be read'));
    begin(claim);
  }

  async function take(): Promise<boolean> {
    const claimed = await claim({
      // Of a stream that was lost: its owner fills the new one, with more than a copy may have.
      mayClaimFrom: (found) => (found && isOwn(found, self)) || !mayServe(found?.record),
      prepare: prepareTake,
    });
    if (!claimed) return false;
    // Entries come in the order in which they were stored: with the own claim everything before it has come.
    const isRead = () => claimed.isFirst || copy.until(claimed.created, claimed.owner.sequence);
    await isRead();
    if (claimed.isFirst && claimed.created !== copy.created)
      for (const slot of slots.all()) slot.revision = 0;
    await parts.nextTurn();
    // Its reading may have begun anew meanwhile.
    await isRead();
    beginFromCopy(claimed);
    return true;
  }

  async function prepareTake(found: StoredOwner | undefined, state: StreamState): Promise<boolean> {
    if (found && !found.record.filling) return false;
    // What this pod remembers of a stream that is lost is newer than any copy elsewhere.
    const isRemembered = slots.size > 0 && (state.created !== copy.created || copy.remembers);
    if (!isRemembered) await restore();
    return slots.size > 0;
  }

  async function restore(): Promise<void> {
    const rows = [...((await backup?.restore(group)) ?? [])].filter(({ key }) => !slots.get(key));
    for (const { key, text } of rows) slots.take(key).text = text;
    if (rows.length > 0)
      log.warn({ group, keys: rows.length }, 'user state was lost, and is restored from its copy');
  }

  async function retake(): Promise<boolean> {
    const claimed = await claim({ mayClaimFrom: isStillOwn, prepare: prepareRetake });
    if (claimed) begin(claimed);
    return claimed !== undefined;
  }

  /** Another that took the group and gave it back has left a term that is two higher. */
  function isStillOwn(found: StoredOwner | undefined, state: StreamState): boolean {
    if (!found) return state.created !== created;
    return isOwn(found, self) && found.record.term <= term + 1;
  }

  async function prepareRetake(found: StoredOwner | undefined, state: StreamState): Promise<boolean> {
    const isAnother = state.created !== created;
    if (isAnother) log.warn({ group, keys: slots.size }, 'a stream was lost: it is filled again from memory');
    if (isAnother || state.last < writer.last) writer.lost(isAnother ? 0 : state.last);
    return slots.size > 0 && (isAnother || found?.record.filling === true);
  }

  async function append(owner: Process): Promise<StoredOwner> {
    const record: OwnerRecord = { pod: owner.pod, incarnation: owner.incarnation, term: term + 1 };
    writer.suspend();
    const sequence = await stream.append(OWNER_KEY, JSON.stringify(record), writer.last);
    return { record, sequence };
  }

  const finishWhenIdle = (): void => writer.onIdle(() => parts.perform(finishFilling));

  async function finishFilling(): Promise<void> {
    if (!writer.idle) return finishWhenIdle();
    try {
      begin({ owner: await append(self), created, isFirst: false });
    } catch {
      parts.onTrouble();
    }
  }

  return {
    get term() {
      return term;
    },
    get owner() {
      if (known && isOwn(known, self)) return 'self';
      return mayServe(known?.record) ? 'other' : 'free';
    },
    get created() {
      return created;
    },
    heard(owner) {
      known = owner;
      term = Math.max(term, owner?.record.term ?? 0);
    },
    take,
    adopt() {
      if (known) beginFromCopy({ owner: known, created: copy.created, isFirst: false });
    },
    retake,
    async hand(to) {
      known = await append(to);
      ({ term } = known.record);
    },
    forget() {
      known = undefined;
      created = '';
    },
  };
}

/** Tries again until it was answered, or nobody needs the answer any more: then undefined. */
export async function persist(
  step: () => Promise<boolean>,
  options: { isNeeded(): boolean; retryMs: number; onFailure(error: unknown): void },
): Promise<boolean | undefined> {
  while (options.isNeeded()) {
    try {
      return await step();
    } catch (error) {
      options.onFailure(error);
      await sleep(options.retryMs, undefined, { ref: false });
    }
  }
  return undefined;
}
