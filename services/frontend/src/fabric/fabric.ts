import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger, NatsLink } from '@linchpin/host';
import { groupBucket, type OwnerRecord } from '@linchpin/proto/subjects';
import { GROUPS, type GroupsRecord, groupOf } from '@linchpin/topology';
import type { BackupHooks } from './backup-hooks.ts';
import { describeGroup, type FabricState, quorumText } from './describe.ts';
import { createGroup, type Group, type GroupView } from './group.ts';
import { createGroupStream } from './group-stream.ts';
import type { WriteObserver } from './group-writer.ts';
import type { PoolMembers } from './pool-members.ts';
import { createRequests } from './requests.ts';
import { createRouting } from './routing.ts';
import { createUserState, groupOfKey, type UserState } from './user-state.ts';

/**
 * The part of the pool's users that this Front End serves. Users are in routing groups (`groupOf`), each group is served by
 * one Front End at a time: its owner. Who owns what is decided by NATS, see docs/adr/0008-a-routing-group-is-a-stream.md.
 */
export interface Fabric {
  /** What is kept for the users of the groups that are served here. Writes for all others reject with StateUnavailable. */
  readonly state: UserState;
  /** Whether this pod serves the user at this very moment: it owns the group and its lease holds. */
  serves(aor: string): boolean;
  /** The pod that owns the user's group, maybe this one, not serving yet; undefined: nobody for now. */
  ownerOf(aor: string): string | undefined;
  /** Whether it was ever known of all groups who owns them; before that this pod cannot tell who is signed in. */
  readonly loaded: boolean;
  /** What `serves` or `ownerOf` say has changed. Returns the way to stop, as all `on…` do. */
  onOwners(listener: () => void): () => void;
  /** A group is served here from now on, and its state is in memory. */
  onTaken(listener: (group: number) => void): () => void;
  /**
   * Another goes on with the group: forget its timers and what is in memory, and touch no store. When only the lease lapsed
   * nobody is told: the group is not served meanwhile, timers that fire find their writes waiting for the store. Then either
   * the lease holds again and nobody else has taken the group, and all goes on, or this is called.
   */
  onReleased(listener: (group: number) => void): () => void;
  describe(): FabricState;
  /**
   * As it is stored, of the groups that are served here; undefined where the key is deleted. What a lost stream had and the new one
   * has not got yet has revision 0: it is not gone.
   */
  entry(key: string): StoredEntry | undefined;
  entriesOfGroup(group: number): Iterable<Pick<StoredEntry, 'key' | 'revision'>>;
  /** Gives all groups away. Resolves when none is owned here any more; at once where nobody is there to take them. */
  handAllOver(): Promise<void>;
  start(): void;
  /** What cannot be stored within a second is rejected. The groups stay this pod's until another takes them. */
  stop(): Promise<void>;
}

export interface StoredEntry {
  key: string;
  /** JSON. */
  text: string;
  /** The sequence in the group's stream. */
  revision: number;
}

export interface FabricOptions {
  nats: NatsLink;
  members: PoolMembers;
  pool: string;
  pod: string;
  /** Of the streams, in a NATS cluster. */
  replicas: number;
  log: Logger;
  /** Milliseconds that a write waits for a store that is away. */
  patience?: number;
  onWrite?: WriteObserver;
  backup?: BackupHooks;
  /** What else the own member record says of the groups. */
  figures?(): Pick<GroupsRecord, 'backupLag' | 'users' | 'registrations'>;
  timing?: Partial<FabricTiming>;
}

export interface FabricTiming {
  /** Milliseconds after which a pod that the stream names as owner, and that does not say so itself, is taken for lost. */
  unclaimedMs: number;
  /** Groups that this pod hands over at a time. */
  handing: number;
}

const TIMING: FabricTiming = { unclaimedMs: 4000, handing: 4 };
const SWEEP_MS = 50;
const LOOK_MS = 250;
const FIGURES_MS = 2000;
const STOP_MS = 1000;
const NO_FIGURES = { backupLag: 0, users: 0, registrations: 0 };

export function createFabric(options: FabricOptions): Fabric {
  const { nats, members, pool, pod, replicas, log, patience = 5000, backup, figures } = options;
  const timing = { ...TIMING, ...options.timing };
  const requests = createRequests(nats);
  const routing = createRouting({ pool, pod, members, isLeaving: () => isLeaving });
  const [ownersListeners, takenListeners, releasedListeners] = [
    createListeners<[]>(),
    createListeners<[number]>(),
    createListeners<[number]>(),
  ];
  /** Since when the owner that a stream names does not say that it is. */
  const unclaimed = new Map<number, { by: string; since: number }>();
  const timers: NodeJS.Timeout[] = [];
  const stops: (() => void)[] = [];
  let isLeaving = false;
  let isLooking = false;
  let loaded = false;
  let announced = '';
  let figuresNow = NO_FIGURES;
  let turn = Promise.resolve();
  let stopped = false;

  const isLeaseHeld = (): boolean => !stopped && members.leaseUntil > performance.now();
  const groups = Array.from({ length: GROUPS }, (_, number) => makeGroup(number));

  function makeGroup(group: number): Group {
    return createGroup({
      group,
      self: {
        pod,
        get incarnation() {
          return members.get(pod)?.incarnation ?? '';
        },
      },
      stream: createGroupStream(nats, requests, groupBucket(pool, group), replicas),
      nats,
      log,
      patience,
      isLeaseHeld,
      mayServe: (owner) => mayServe(group, owner),
      backup,
      onWrite: options.onWrite,
      nextTurn,
      onChange: lookSoon,
      onTaken: () => takenListeners.tell(group),
      onReleased: () => releasedListeners.tell(group),
    });
  }

  /** One group's users after the other, so that requests and heartbeats have their turn in between. */
  function nextTurn(): Promise<void> {
    turn = turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return turn;
  }

  function mayServe(group: number, named: OwnerRecord | undefined): boolean {
    if (!named) return routing.rival(group) !== undefined;
    const { pod: owner, incarnation, term } = named;
    const member = members.get(owner);
    if (member?.incarnation !== incarnation) return false;
    if (member.groups?.owned.some(([claimed]) => claimed === group)) {
      unclaimed.delete(group);
      return true;
    }
    const by = `${owner} ${term}`;
    if (unclaimed.get(group)?.by !== by) unclaimed.set(group, { by, since: performance.now() });
    return performance.now() - (unclaimed.get(group)?.since ?? 0) < timing.unclaimedMs;
  }

  function lookSoon(): void {
    if (isLooking || stopped) return;
    isLooking = true;
    setImmediate(() => {
      isLooking = false;
      look();
    });
  }

  /** Everything that decides is looked at together, whatever of it has changed. */
  function look(): void {
    if (stopped || !members.loaded || !members.get(pod)) return;
    routing.update();
    let room = timing.handing - groups.filter(({ phase }) => phase === 'handing').length;
    for (const [number, group] of groups.entries()) {
      const view = viewOf(number, room > 0);
      group.look(view);
      if (group.phase === 'handing') room--;
    }
    announce();
    loaded ||= groups.every(({ isOwned }, number) => isOwned || routing.owner(number) !== undefined);
    ownersListeners.tell();
  }

  function viewOf(number: number, hasRoom: boolean): GroupView {
    const placed = routing.placement(number);
    const [primary] = placed;
    const member = primary === undefined || primary === pod ? undefined : members.get(primary);
    return {
      designation: primary === pod ? 'primary' : placed.includes(pod) ? 'secondary' : 'none',
      leaseHeld: isLeaseHeld(),
      alone: routing.isAlone,
      contested: (routing.rival(number)?.term ?? 0) > (groups[number]?.term ?? 0),
      mayHand: hasRoom && member?.groups?.warm.includes(number) === true,
      successor: member && { pod: member.pod, incarnation: member.incarnation },
    };
  }

  function announce(): void {
    const owned = groups.flatMap(({ isOwned, term }, group): [number, number][] =>
      isOwned ? [[group, term]] : [],
    );
    const warm = groups.flatMap(({ phase }, group) => (phase === 'warm' ? [group] : []));
    const record = { owned, warm, ...figuresNow };
    const text = JSON.stringify(record);
    if (text === announced) return;
    announced = text;
    members.announce({ groups: record }).catch(() => {});
  }

  function leaseChanged(held: boolean): void {
    if (held) for (const group of groups) group.leased();
    else log.warn({ pool }, 'cannot reach NATS for so long that others may take over');
    look();
  }

  const groupFor = (aor: string): Group => groups[groupOf(aor)] as Group;
  const isServed = ({ phase }: Group): boolean =>
    phase === 'serving' && (isLeaseHeld() || routing.isAlone) && !stopped;
  const isEmpty = (): boolean => groups.every(({ isOwned, phase }) => !isOwned && phase !== 'handing');

  function describe(): FabricState {
    const described = groups.map((group, number) => describeGroup(number, group, routing));
    const left = Math.max(0, members.leaseUntil - performance.now());
    return { pool, pod, lease: { held: left > 0, left }, groups: described, quorum: quorumText(described) };
  }

  return {
    state: createUserState(groups),
    serves: (aor) => isServed(groupFor(aor)),
    ownerOf(aor) {
      const number = groupOf(aor);
      const group = groups[number] as Group;
      return group.isOwned || group.phase === 'taking' ? pod : routing.owner(number)?.pod;
    },
    get loaded() {
      return loaded;
    },
    onOwners: ownersListeners.add,
    onTaken: takenListeners.add,
    onReleased: releasedListeners.add,
    describe,
    entry(key) {
      const slot = groups[groupOfKey(key)]?.slots.get(key);
      const value = slot?.stored ?? slot?.durable;
      if (!slot || value === undefined) return undefined;
      return { key, text: JSON.stringify(value), revision: slot.revision };
    },
    *entriesOfGroup(group) {
      for (const slot of groups[group]?.slots.all() ?? [])
        if (slot.stored !== undefined || slot.durable !== undefined) yield slot;
    },
    async handAllOver() {
      isLeaving = true;
      members.announce({ state: 'draining' }).catch(() => {});
      // Also a pod that has not joined yet.
      if (isEmpty()) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const off = ownersListeners.add(() => {
        if (isEmpty() || !routing.hasHeirs) resolve();
      });
      look();
      await promise.finally(off);
    },
    start() {
      stops.push(members.onChange(lookSoon), members.onLease(leaseChanged));
      const sweep = () => {
        for (const group of groups) group.expire();
      };
      const count = () => {
        figuresNow = figures?.() ?? NO_FIGURES;
      };
      const every = (ms: number, action: () => void) => timers.push(setInterval(action, ms).unref());
      every(SWEEP_MS, sweep);
      every(LOOK_MS, look);
      every(FIGURES_MS, count);
      lookSoon();
    },
    async stop() {
      const patience = performance.now() + STOP_MS;
      while (groups.some(({ isStored }) => !isStored) && isLeaseHeld() && performance.now() < patience)
        await sleep(10);
      stopped = true;
      for (const timer of timers) clearInterval(timer);
      for (const stop of stops) stop();
      for (const group of groups) group.stop();
      requests.close();
    },
  };
}

interface Listeners<A extends unknown[]> {
  add(listener: (...args: A) => void): () => void;
  tell(...args: A): void;
}

function createListeners<A extends unknown[]>(): Listeners<A> {
  const listeners = new Set<(...args: A) => void>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    tell(...args) {
      for (const listener of [...listeners]) listener(...args);
    },
  };
}
