import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger, NatsLink } from '@linchpin/host';
import { OWNER_KEY, type OwnerRecord } from '@linchpin/proto/subjects';
import { StateUnavailable } from '../state-unavailable.ts';
import { type Claim, type ClaimParts, claimGroup, isOwn } from './group-claim.ts';
import { createGroupCopy } from './group-copy.ts';
import {
  type GroupAction,
  type GroupInput,
  type GroupPhase,
  type Situation,
  stepGroup,
} from './group-machine.ts';
import type { GroupStream, StoredOwner, StreamState } from './group-stream.ts';
import { createGroupWriter, type WriteObserver } from './group-writer.ts';
import { createSlots, type Slots } from './slot.ts';

/** One routing group on this pod, whatever it is to it. */
export interface Group {
  readonly phase: GroupPhase;
  /** Of the newest owner that this pod knows from the stream, or of its own claim. */
  readonly term: number;
  /** Whom the stream names, where it is followed. */
  readonly owner: OwnerRecord | undefined;
  readonly lastSequence: number;
  /** What may be read of it: nothing where it is not served. */
  readonly slots: Slots;
  /** Whether this pod says of itself that it owns the group. */
  readonly isOwned: boolean;
  write(key: string, value: unknown): Promise<void>;
  /** Looks at what has changed around it. */
  look(view: GroupView): void;
  leased(): void;
  expire(): void;
  /** Whether all that was written here is stored. */
  readonly isStored: boolean;
  stop(): void;
}

export type GroupView = Omit<Situation, 'owner'> & {
  /** The process that is to serve the group, if that is another one. */
  successor: Pick<OwnerRecord, 'pod' | 'incarnation'> | undefined;
};

/** What a copy of the user state elsewhere is told, see `createBackup`. */
export interface BackupHooks {
  /** This pod owns the group, with all of it in memory; `incarnation` tells the group's stream from earlier ones. */
  take(group: number, owner: { incarnation: string; term: number }): void;
  release(group: number): void;
  /** A change of a group that was taken is durable; '' is a deletion. */
  stored(group: number, key: string, revision: number, text: string): void;
  /** Called when a group's stream is lost and nothing of it is in memory. When it rejects, it is called again after a while. */
  restore(group: number): Promise<Iterable<{ key: string; text: string }>>;
}

export interface GroupParts {
  group: number;
  self: Pick<OwnerRecord, 'pod' | 'incarnation'>;
  stream: GroupStream;
  nats: Pick<NatsLink, 'onConnected'>;
  log: Logger;
  patience: number;
  isLeaseHeld(): boolean;
  /** Whether that process may still be serving the group. */
  mayServe(owner: OwnerRecord): boolean;
  backup: BackupHooks | undefined;
  onWrite: WriteObserver | undefined;
  /** Resolves when this group may take up its users. */
  nextTurn(): Promise<void>;
  /** The phase, the owner or the term is another one. */
  onChange(): void;
  onTaken(): void;
  onReleased(): void;
}

const RETRY_MS = 100;

export function createGroup(parts: GroupParts): Group {
  const { group, self, stream, nats, log, isLeaseHeld, mayServe, backup } = parts;
  const slots = createSlots();
  const nothing = createSlots();
  let phase: GroupPhase = 'away';
  let known: StoredOwner | undefined;
  let term = 0;
  let created = '';
  let isVisible = false;
  let isClosing = false;
  let view: GroupView | undefined;
  let pausedUntil = 0;
  let stopped = false;
  /** One conversation with the stream at a time. */
  let work: Promise<void> = Promise.resolve();
  let isRetakeWanted = false;

  const copy = createGroupCopy({
    stream,
    nats,
    slots,
    log,
    onOwner(owner) {
      known = owner;
      term = Math.max(term, owner?.record.term ?? 0);
      parts.onChange();
    },
    onWhole: () => enter({ type: 'whole' }),
  });
  const writer = createGroupWriter({
    stream,
    slots,
    mayWrite: isLeaseHeld,
    patience: parts.patience,
    onWritten: parts.onWrite,
    onStored: (key, text, sequence) => backup?.stored(group, key, sequence, text),
    onTrouble(error) {
      log.info({ group, err: error }, 'a write of user state has to be looked up');
      if (phase === 'handing') enter({ type: 'failed' });
      else retake();
    },
  });
  const stopRetaking = nats.onConnected(() => {
    // The server may have lost what it had.
    if (phase === 'serving') retake();
  });

  function enter(input: GroupInput): void {
    if (stopped) return;
    const before = phase;
    const [next, actions] = stepGroup(phase, input);
    phase = next;
    for (const action of actions) act[action]();
    if (before === next) return;
    log.debug({ group, before, phase: next, term }, 'routing group');
    if (before === 'taking') pausedUntil = performance.now() + RETRY_MS;
    parts.onChange();
  }

  const act: Record<GroupAction, () => void> = {
    follow: () => copy.follow({ created, seen: created === '' ? 0 : writer.last }),
    unfollow() {
      copy.stop();
      forget();
    },
    reread() {
      forget();
      copy.follow({ created: '', seen: 0 });
    },
    take: () => perform('taking', take),
    adopt() {
      if (known) own({ owner: known, created: copy.created, isFirst: false });
    },
    suspend: () => writer.suspend(),
    retake,
    hand: () => writer.onIdle(() => perform('handing', hand)),
    'tell taken'() {
      isVisible = true;
      backup?.take(group, { incarnation: created, term });
      parts.onTaken();
    },
    'tell released'() {
      backup?.release(group);
      writer.abandon(new StateUnavailable('another Front End serves this user now'));
      parts.onReleased();
      isVisible = false;
    },
  };

  function forget(): void {
    slots.clear();
    known = undefined;
    created = '';
  }

  /** The claim is the stream's last entry: from here on nobody else writes. */
  function own(claim: Claim): void {
    copy.stop();
    readTexts();
    go(claim);
  }

  function go(claim: Claim): void {
    known = claim.owner;
    ({ term } = known.record);
    ({ created } = claim);
    writer.fill();
    writer.open(known.sequence);
    if (known.record.filling) finishWhenIdle();
  }

  function readTexts(): void {
    for (const slot of [...slots.all()]) {
      if (slot.text === undefined) continue;
      const value = parsed(slot.text);
      if (value === undefined) log.error({ group, key: slot.key }, 'this user state cannot be read');
      slot.text = undefined;
      slot.value = slot.durable = value;
      slot.stored = slot.revision > 0 ? value : undefined;
      if (value === undefined) slots.drop(slot.key);
    }
  }

  function perform(during: GroupPhase, step: () => Promise<void>): void {
    work = work.then(async () => {
      if (stopped || phase !== during) return;
      try {
        await step();
      } catch (error) {
        if (!stopped) log.info({ group, phase, err: error }, 'a routing group cannot be moved yet');
        if (phase === during) enter({ type: 'failed' });
      }
    });
  }

  const claim = (parts: Pick<ClaimParts, 'mayClaimFrom' | 'prepare'>): Promise<Claim | undefined> =>
    claimGroup({ stream, self, term: () => term, isLeaseHeld, ...parts });

  async function take(): Promise<void> {
    const claimed = await claim({
      mayClaimFrom: (found) => !found || isOwn(found, self) || !mayServe(found.record),
      prepare: prepareTake,
    });
    if (!claimed) return enter({ type: 'lost' });
    // Entries come in the order in which they were stored: with the own claim everything before it has come.
    if (!claimed.isFirst) await copy.until(claimed.created, claimed.owner.sequence);
    else if (claimed.created !== copy.created) for (const slot of slots.all()) slot.revision = 0;
    await parts.nextTurn();
    if (stopped) return;
    own(claimed);
    enter({ type: 'taken' });
  }

  async function prepareTake(found: StoredOwner | undefined, state: StreamState): Promise<boolean> {
    if (found && !found.record.filling) return false;
    // What this pod remembers of a stream that is lost is newer than any copy elsewhere.
    const isRemembered = slots.size > 0 && (state.created !== copy.created || copy.remembers);
    if (!isRemembered) await restore();
    return slots.size > 0;
  }

  async function restore(): Promise<void> {
    let count = 0;
    for (const { key, text } of (await backup?.restore(group)) ?? []) {
      if (slots.get(key)) continue;
      slots.take(key).text = text;
      count++;
    }
    if (count > 0) log.warn({ group, keys: count }, 'user state was lost, and is restored from its copy');
  }

  /** Whatever went wrong: once a new claim stands in the stream, nothing that was sent before can come after it. */
  function retake(): void {
    writer.suspend();
    if (isRetakeWanted) return;
    isRetakeWanted = true;
    work = work.then(async () => {
      while (isRetakeWanted && (phase === 'serving' || phase === 'regaining') && !stopped) {
        await retakeOnce().catch((error) => log.debug({ group, err: error }, 'cannot renew a claim yet'));
        if (isRetakeWanted) await sleep(RETRY_MS, undefined, { ref: false });
      }
      isRetakeWanted = false;
    });
  }

  async function retakeOnce(): Promise<void> {
    const claimed = await claim({ mayClaimFrom: isStillOwn, prepare: prepareRetake });
    if (stopped) return;
    isRetakeWanted = false;
    if (!claimed) return enter({ type: 'lost' });
    go(claimed);
    enter({ type: 'taken' });
    backup?.take(group, { incarnation: created, term });
  }

  /** Another that took the group and gave it back has left a term that is two higher. */
  function isStillOwn(found: StoredOwner | undefined, state: StreamState): boolean {
    if (!found) return state.created !== created;
    return isOwn(found, self) && found.record.term <= term + 1;
  }

  async function prepareRetake(found: StoredOwner | undefined, state: StreamState): Promise<boolean> {
    const isAnother = state.created !== created;
    if (isAnother)
      log.warn({ group, keys: slots.size }, 'the stream of a routing group was lost: it is filled again');
    if (isAnother || state.last < writer.last) writer.lost(isAnother ? 0 : state.last);
    return slots.size > 0 && (isAnother || found?.record.filling === true);
  }

  async function appendOwner(record: OwnerRecord): Promise<StoredOwner> {
    writer.suspend();
    const sequence = await stream.append(OWNER_KEY, JSON.stringify(record), writer.last);
    return { record, sequence };
  }

  const finishWhenIdle = (): void => writer.onIdle(() => perform('serving', finishFilling));

  async function finishFilling(): Promise<void> {
    if (!writer.idle) return finishWhenIdle();
    try {
      const owner = await appendOwner({ ...self, term: term + 1 });
      go({ owner, created, isFirst: false });
    } catch {
      retake();
    }
  }

  async function hand(): Promise<void> {
    const successor = view?.successor;
    if (!successor || !writer.idle) return enter({ type: 'failed' });
    isClosing = true;
    try {
      known = await appendOwner({ ...successor, term: term + 1 });
      term++;
      enter({ type: 'handed' });
    } finally {
      isClosing = false;
    }
  }

  function ownerNow(): Situation['owner'] {
    if (!known) return 'free';
    if (isOwn(known, self)) return 'self';
    return mayServe(known.record) ? 'other' : 'free';
  }

  return {
    get phase() {
      return phase;
    },
    get term() {
      return term;
    },
    get owner() {
      return known?.record;
    },
    get lastSequence() {
      return isVisible ? writer.last : copy.seen;
    },
    get slots() {
      return isVisible ? slots : nothing;
    },
    get isOwned() {
      return isOwnedIn(phase);
    },
    write(key, value) {
      if (isOwnedIn(phase) || (phase === 'handing' && !isClosing)) return writer.write(key, value);
      return Promise.reject(new StateUnavailable('this user is not served here'));
    },
    look(now) {
      view = now;
      if (phase === 'warm' && performance.now() < pausedUntil) return;
      enter({ type: 'look', ...now, mayHand: now.mayHand && !isRetakeWanted, owner: ownerNow() });
    },
    leased: () => enter({ type: 'leased' }),
    expire: () => writer.expire(),
    get isStored() {
      return writer.idle;
    },
    stop() {
      stopped = true;
      stopRetaking();
      copy.stop();
      writer.abandon(new StateUnavailable('this Front End stops'));
    },
  };
}

const isOwnedIn = (phase: GroupPhase): boolean =>
  phase === 'serving' || phase === 'lapsed' || phase === 'regaining';

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
