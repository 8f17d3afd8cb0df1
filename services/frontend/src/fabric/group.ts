import type { Logger, NatsLink } from '@linchpin/host';
import type { OwnerRecord } from '@linchpin/proto/subjects';
import { StateUnavailable } from '../state-unavailable.ts';
import type { BackupHooks } from './backup-hooks.ts';
import { createDeletionMarks } from './deletion-marks.ts';
import { createGroupCopy } from './group-copy.ts';
import {
  type GroupAction,
  type GroupInput,
  type GroupPhase,
  type Situation,
  stepGroup,
} from './group-machine.ts';
import type { GroupStream } from './group-stream.ts';
import { createGroupTenure, type Process, persist } from './group-tenure.ts';
import { createGroupWriter, type WriteObserver } from './group-writer.ts';
import { createSlots, type Slots } from './slot.ts';

/** One routing group on this pod, whatever it is to it. */
export interface Group {
  readonly phase: GroupPhase;
  /** Of the newest owner that this pod knows from the stream, or of its own claim. */
  readonly term: number;
  /** Of the stream, as far as this pod has seen it. */
  readonly lastSequence: number;
  /** What may be read of it: nothing where it is not served. */
  readonly slots: Slots;
  /** Whether this pod says of itself that it owns the group. */
  readonly isOwned: boolean;
  write(key: string, value: unknown): Promise<void>;
  /** Looks at what has changed around it. */
  look(view: GroupView): void;
  /** The lease is held again. */
  leased(): void;
  /** To be called every now and then: writes that wait too long fail. */
  expire(): void;
  /** Whether all that was written here is stored. */
  readonly isStored: boolean;
  stop(): void;
}

export type GroupView = Omit<Situation, 'owner'> & {
  /** The process that is to serve the group, if that is another one. */
  successor: Process | undefined;
};

export interface GroupParts {
  group: number;
  self: Process;
  stream: GroupStream;
  nats: Pick<NatsLink, 'onConnected'>;
  log: Logger;
  /** Milliseconds that a write waits for the store. */
  patience: number;
  isLeaseHeld(): boolean;
  /** Whether that process may still be serving the group; undefined: whether any other says so of itself. */
  mayServe(owner: OwnerRecord | undefined): boolean;
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
const LAST_RETRY_MS = 3000;

export function createGroup(parts: GroupParts): Group {
  const { group, stream, nats, log, isLeaseHeld, backup } = parts;
  const slots = createSlots();
  const nothing = createSlots();
  const marks = createDeletionMarks();
  let phase: GroupPhase = 'away';
  let view: GroupView | undefined;
  /** Capabilities hold it to be served here. */
  let isTold = false;
  /** The next owner is about to be named: nothing is written any more. */
  let isClosing = false;
  let isRetaking = false;
  /** How often it was asked to be taken again. */
  let retakes = 0;
  /** The lease has lapsed and is held again since it began to be taken. */
  let isDoubtful = false;
  /** Of attempts to take it; the next one is made after a pause. */
  let failures = 0;
  let pausedUntil = 0;
  let stopped = false;
  /** One conversation with the stream at a time. */
  let work: Promise<void> = Promise.resolve();

  const copy = createGroupCopy({
    stream,
    nats,
    slots,
    marks,
    log,
    onOwner(owner) {
      tenure.heard(owner);
      parts.onChange();
    },
    onWhole: () => enter({ type: 'whole' }),
  });
  const writer = createGroupWriter({
    stream,
    slots,
    marks,
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
  const tenure = createGroupTenure({
    ...parts,
    slots,
    copy,
    writer,
    perform: (step) => perform('serving', step),
    onTrouble: retake,
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
    log.debug({ group, before, phase: next, term: tenure.term }, 'routing group');
    if (before === 'taking') pauseAfter(next);
    parts.onChange();
  }

  function pauseAfter(next: GroupPhase): void {
    failures = next === 'serving' ? 0 : failures + 1;
    pausedUntil = performance.now() + Math.min(LAST_RETRY_MS, RETRY_MS * 2 ** failures);
  }

  const act: Record<GroupAction, () => void> = {
    // From where this pod has written itself, if it has.
    follow: () => copy.follow({ created: tenure.created, seen: tenure.created === '' ? 0 : writer.last }),
    unfollow() {
      copy.stop();
      slots.clear();
      marks.clear();
      tenure.forget();
    },
    reread() {
      tenure.forget();
      copy.follow({ created: '', seen: 0 });
    },
    take: () => perform('taking', take),
    adopt: tenure.adopt,
    suspend: writer.suspend,
    retake,
    hand: () => writer.onIdle(() => perform('handing', hand)),
    'tell taken'() {
      isTold = true;
      tellBackup();
      parts.onTaken();
    },
    'tell released'() {
      backup?.release(group);
      writer.abandon(new StateUnavailable('another Front End serves this user now'));
      parts.onReleased();
      isTold = false;
    },
  };

  const tellBackup = (): void => backup?.take(group, { incarnation: tenure.created, term: tenure.term });

  function perform(during: GroupPhase, step: () => Promise<void>): void {
    work = work.then(async () => {
      if (stopped || phase !== during) return;
      try {
        await step();
      } catch (error) {
        const level = stopped || failures > 0 ? 'debug' : 'info';
        log[level]({ group, phase, err: error }, 'a routing group cannot be moved yet');
        if (phase === during) enter({ type: 'failed' });
      }
    });
  }

  async function take(): Promise<void> {
    isDoubtful = false;
    enter({ type: (await tenure.take()) ? 'taken' : 'lost' });
    if (isDoubtful) enter({ type: 'leased' });
  }

  function retake(): void {
    writer.suspend();
    retakes++;
    if (isRetaking) return;
    isRetaking = true;
    const isNeeded = () => (phase === 'serving' || phase === 'regaining') && !stopped;
    const onFailure = (error: unknown) => log.debug({ group, err: error }, 'cannot renew a claim yet');
    work = work.then(async () => {
      const before = retakes;
      const isOwn = await persist(tenure.retake, { isNeeded, onFailure, retryMs: RETRY_MS });
      isRetaking = false;
      // Asked for again meanwhile: nothing is written any more, and another may have taken it since.
      if (retakes !== before && isOwn !== false && isNeeded()) return retake();
      if (isOwn === undefined) return;
      enter({ type: isOwn ? 'taken' : 'lost' });
      if (isOwn && isTold) tellBackup();
    });
  }

  async function hand(): Promise<void> {
    const successor = view?.successor;
    if (!successor || !writer.idle) return enter({ type: 'failed' });
    isClosing = true;
    try {
      await tenure.hand(successor);
      enter({ type: 'handed' });
    } finally {
      isClosing = false;
    }
  }

  const isOwned = (): boolean => phase === 'serving' || phase === 'lapsed' || phase === 'regaining';

  return {
    get phase() {
      return phase;
    },
    get term() {
      return tenure.term;
    },
    get lastSequence() {
      return isTold ? writer.last : copy.seen;
    },
    get slots() {
      return isTold ? slots : nothing;
    },
    get isOwned() {
      return isOwned();
    },
    write(key, value) {
      if (isOwned() || (phase === 'handing' && !isClosing)) return writer.write(key, value);
      return Promise.reject(new StateUnavailable('this user is not served here'));
    },
    look(now) {
      view = now;
      const isPaused = tenure.owner === 'free' && performance.now() < pausedUntil;
      const owner = isPaused ? 'other' : tenure.owner;
      const contested = now.contested && !isRetaking;
      enter({ type: 'look', ...now, mayHand: now.mayHand && !isRetaking, contested, owner });
    },
    leased() {
      isDoubtful = true;
      enter({ type: 'leased' });
    },
    expire: writer.expire,
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
