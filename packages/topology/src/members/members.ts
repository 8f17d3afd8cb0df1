// Who is in the system right now. Every pod says so itself and hears it of all others: nothing has to be configured to scale.
import { randomUUID } from 'node:crypto';
import { MEMBERS_BUCKET } from '@linchpin/proto/subjects';
import type { KvWatchEntry } from '@nats-io/kv';
import { type BucketWatch, watchBucket } from '../bucket-watch.ts';
import type { Role } from '../kinds/topology.ts';
import type { Log, NatsLink } from '../replica.ts';
import { open, openOrMake } from './bucket.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createLease } from './lease.ts';
import { createLiveness } from './liveness.ts';
import { keyOf, type MemberRecord, parseMember, said } from './member-record.ts';
import { createPoolClock } from './pool-clock.ts';

export interface Members {
  /** Live ones, the own one too once it was announced. */
  list(role?: Role, pool?: string): readonly MemberRecord[];
  /** Of the live ones. */
  get(pod: string): MemberRecord | undefined;
  /** Someone came, left, or changed what it says beside `beat`. Returns the way to stop. */
  onChange(listener: () => void): () => void;
  /**
   * Merged into the own record and written at once, from the first call on again with each heartbeat. Resolves when it is
   * stored, however long NATS is away; rejects after `stop`, and before the address is known.
   */
  announce(change: Partial<MemberRecord>): Promise<void>;
  /**
   * performance.now() until which this pod may act as an owner: the last heartbeat that was acknowledged, counted from when it
   * was sent, and `leaseMs`. Others let `takeoverMs` pass before they take over, which is longer.
   */
  readonly leaseUntil: number;
  /** It has lapsed, or is held again. */
  onLease(listener: (held: boolean) => void): () => void;
  /** Milliseconds since the epoch as all pods that hear their own heartbeats count them, whatever their machines' clocks say. */
  now(): number;
  /** Everybody who was there when this pod began to look is known. */
  readonly loaded: boolean;
  /** Looks for the others from when NATS comes until `stop`. Never throws. */
  follow(): void;
  /** Gives up the lease and takes the own record away, so that others know at once. */
  stop(): Promise<void>;
}

/** Milliseconds. */
export interface MembersTiming {
  heartbeatMs: number;
  leaseMs: number;
  takeoverMs: number;
}

export const MEMBERS_TIMING: MembersTiming = { heartbeatMs: 500, leaseMs: 2_500, takeoverMs: 3_500 };

export interface MembersOptions {
  nats: NatsLink;
  /** `address` may still be empty: it has to be known at the first `announce`. */
  self: Pick<MemberRecord, 'pod' | 'role' | 'pool' | 'address' | 'productVersion'>;
  log: Log;
  /** A newer process has the name of this pod, and is the member now. SIGTERM to this process unless told otherwise. */
  onReplaced?(): void;
  /** Milliseconds that NATS is ahead of this machine's clock, 0 when they agree again. */
  onClock?(offset: number): void;
  timing?: Partial<MembersTiming>;
}

const end = (): void => void process.kill(process.pid, 'SIGTERM');

/** The own heartbeats that have not come back yet; more than these are lost. */
const HEARTBEATS_UNDER_WAY = 32;

// Edge faces the Internet: NATS lets it see Directors only and make nothing, see the rules in packages/backends.
const SEES_DIRECTORS_ONLY: Role = 'edge';

export function createMembers({
  nats,
  self,
  log,
  onClock,
  onReplaced = end,
  timing,
}: MembersOptions): Members {
  const { heartbeatMs, leaseMs, takeoverMs } = { ...MEMBERS_TIMING, ...timing };
  const seesAll = self.role !== SEES_DIRECTORS_ONLY;
  const own: MemberRecord = { ...self, incarnation: randomUUID(), beat: 0, state: 'running' };
  const ownKey = keyOf(own);
  const others = new Map<string, MemberRecord>();
  const liveness = createLiveness({ takeoverMs, leaseMs });
  const lease = createLease(leaseMs);
  const clock = createPoolClock({ log, onOffset: onClock });
  const listeners = new Set<() => void>();
  const sentAt = new Map<number, number>();
  const openBucket = seesAll ? openOrMake : open;
  let announced = false;
  let loaded = false;
  let stopped = false;
  let watch: BucketWatch | undefined;
  /** performance.now() when a heartbeat of our own came back, or its watch began. */
  let echoedAt = 0;

  const heartbeat = createHeartbeat({
    nats,
    key: ownKey,
    heartbeatMs,
    // A later answer would renew nothing; an earlier end would let a NATS that is slow take every lease.
    timeoutMs: leaseMs - heartbeatMs,
    log,
    open: openBucket,
    record: (beat) => JSON.stringify({ ...own, beat }),
    onSent: (beat, at) => {
      own.beat = beat;
      sentAt.set(beat, at);
      sentAt.delete(beat - HEARTBEATS_UNDER_WAY);
    },
    onStored(_, at) {
      if (stopped) return;
      lease.renew(at);
      if (watch && seesAll && performance.now() - echoedAt > 2 * leaseMs) watchAnew();
    },
  });

  // What NATS keeps of a watch is on one of its servers, even of a cluster. When that restarts and our connection is to
  // another, nothing comes any more, and the client notices after a minute.
  function watchAnew(): void {
    log.warn({}, 'heartbeats are stored and do not come back: the members are watched anew');
    watch?.stop();
    watch = watchMembers();
  }

  function watchMembers(): BucketWatch {
    echoedAt = performance.now();
    return watchBucket({
      bucket: MEMBERS_BUCKET,
      nats,
      log,
      open: openBucket,
      ...(seesAll ? {} : { keys: 'director.*' }),
      onStart() {
        echoedAt = performance.now();
        liveness.restart(echoedAt);
      },
      onEntry,
      onProgress: (complete) => {
        if (loaded || !complete) return;
        loaded = true;
        tell();
      },
    });
  }

  function tell(): void {
    for (const listener of [...listeners]) listener();
  }

  function onEntry(entry: KvWatchEntry): void {
    const now = performance.now();
    if (entry.key === ownKey) return entry.operation === 'PUT' ? onEcho(entry, now) : undefined;
    if (entry.operation === 'PUT') onRecord(entry, now);
    else onGone(entry.key);
    // Its own heartbeats do not come back to who may not see them: those of the others have to do as the clock.
    if (!seesAll) bury(liveness.heard(now, now));
  }

  function onEcho(entry: KvWatchEntry, now: number): void {
    const { incarnation, beat } = entry.json<MemberRecord>();
    if (incarnation !== own.incarnation) return onNamesake(incarnation, beat);
    echoedAt = now;
    const at = sentAt.get(beat);
    if (at === undefined) return;
    clock.observed(entry.created.getTime(), now - at);
    bury(liveness.heard(at, now));
  }

  // The record of this pod's past life, or of another process with its name, as when a node is cut off and its pod was made anew on
  // another one. Two would take everything from each other again and again: who has beaten more often is older and gives way.
  function onNamesake(incarnation: string, beat: number): void {
    if (!announced || !loaded || stopped || beat > own.beat) return;
    if (beat === own.beat && incarnation > own.incarnation) return;
    log.error({ incarnation }, 'a newer process has the name of this pod: this one ends');
    stopped = true;
    lease.giveUp();
    watch?.stop();
    void heartbeat.stop({ leave: false });
    onReplaced();
  }

  function onRecord(entry: KvWatchEntry, now: number): void {
    let member: MemberRecord;
    try {
      member = parseMember(entry.key, entry.json());
    } catch (error) {
      return log.warn({ err: error, key: entry.key }, 'this is not the record of a member');
    }
    if (!liveness.observed(entry.key, `${member.incarnation} ${member.beat}`, now)) return;
    const before = others.get(entry.key);
    others.set(entry.key, member);
    if (before === undefined) log.info({ member: member.pod, address: member.address }, 'a member has come');
    if (before === undefined || said(before) !== said(member)) tell();
  }

  function onGone(key: string): void {
    liveness.removed(key);
    const member = others.get(key);
    if (member === undefined) return;
    others.delete(key);
    log.info({ member: member.pod }, 'a member has left');
    tell();
  }

  function bury(keys: string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) {
      log.warn({ member: others.get(key)?.pod }, 'a member is dead');
      others.delete(key);
    }
    tell();
  }

  const live = (): MemberRecord[] => (announced ? [own, ...others.values()] : [...others.values()]);

  return {
    list: (role, pool) =>
      live().filter(
        (member) =>
          (role === undefined || member.role === role) && (pool === undefined || member.pool === pool),
      ),
    // Should an Edge take the name of another pod, it stands behind it.
    get: (pod) =>
      live()
        .filter((member) => member.pod === pod)
        .sort((a, b) => Number(a.role === 'edge') - Number(b.role === 'edge'))[0],
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async announce(change) {
      if (stopped) throw new Error('the pod has left its pool');
      if ((change.address ?? own.address) === '') throw new Error('the pod has not joined its pool yet');
      const before = announced ? said(own) : '';
      const first = !announced;
      const { beat, incarnation, pod, role } = own;
      Object.assign(own, change, { beat, incarnation, pod, role });
      announced = true;
      if (said(own) !== before) tell();
      if (first) heartbeat.start();
      await heartbeat.now();
    },
    get leaseUntil() {
      return lease.until;
    },
    onLease: lease.onChange,
    now: clock.now,
    get loaded() {
      return loaded;
    },
    follow() {
      watch ??= watchMembers();
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      lease.giveUp();
      watch?.stop();
      await heartbeat.stop();
    },
  };
}
