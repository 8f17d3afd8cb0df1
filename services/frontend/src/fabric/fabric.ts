import type { UserState } from './user-state.ts';

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
  /** Gives all groups away. Resolves when none is owned here any more; at once where nobody is there to take them. */
  handAllOver(): Promise<void>;
  start(): void;
  /** What is not stored yet is rejected. The groups stay this pod's until another takes them. */
  stop(): Promise<void>;
}

export interface FabricState {
  pool: string;
  pod: string;
  lease: { held: boolean /** Milliseconds left, 0 when it has lapsed. */; left: number };
  /** In the order of their numbers. */
  groups: GroupState[];
  /** One sentence: how many groups are served, and what is missing. */
  quorum: string;
}

export interface GroupState {
  group: number;
  /** Empty while nobody owns it. */
  owner: string;
  term: number;
  /** Who is to serve it, then who keeps a copy. */
  placement: readonly string[];
  /** Pods beside the owner that have all there is. */
  warm: string[];
  /** Of the group's stream, as far as this pod has seen it; 0 where it does not follow the group. */
  lastSequence: number;
  /** What the group is on this pod. */
  here: GroupPhase;
  state: 'served' | 'unowned' | 'moving' | 'degraded';
}

export type GroupPhase = 'away' | 'following' | 'warm' | 'taking' | 'serving' | 'handing' | 'lapsed';
