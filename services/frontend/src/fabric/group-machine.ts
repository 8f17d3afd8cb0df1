/**
 * What a routing group is on this pod.
 * - away: nothing is known of it.
 * - following: its stream is read; warm: all of it has been.
 * - taking: this pod claims it. serving: it is the owner, and the only one who writes.
 * - handing: it serves no more, and lets its last writes be stored before it names the next owner.
 * - lapsed: it is the owner for all it knows, but others may have taken it for dead. regaining: it asks the stream.
 */
export type GroupPhase =
  | 'away'
  | 'following'
  | 'warm'
  | 'taking'
  | 'serving'
  | 'handing'
  | 'lapsed'
  | 'regaining';

/** All that decides, as it is now. */
export interface Situation {
  /** Live pods that do not drain, who is to serve first. */
  designation: 'primary' | 'secondary' | 'none';
  /** Whom the stream names: this process, another that lives, or nobody who could still be serving. */
  owner: 'self' | 'other' | 'free';
  /** Others may not have declared this pod dead. */
  leaseHeld: boolean;
  /** No other Front End of the pool is known. */
  alone: boolean;
  /** The one who is to serve has all there is, and not too many groups move already. */
  mayHand: boolean;
  /** Another says that it owns the group, in a later term than this pod. */
  contested: boolean;
}

export type GroupInput =
  | ({ type: 'look' } & Situation)
  /** Everything that was in the stream has been read. */
  | { type: 'whole' }
  /** The lease is held again after it had lapsed. */
  | { type: 'leased' }
  /** The stream took the claim; or is another's; or gave no answer. */
  | { type: 'taken' }
  | { type: 'lost' }
  | { type: 'failed' }
  /** The stream took the name of the next owner. */
  | { type: 'handed' };

export type GroupAction =
  | 'follow'
  | 'unfollow'
  /** Claim the group. */
  | 'take'
  /** The stream names this process already: go on from there. */
  | 'adopt'
  /** Nothing is written until the claim is renewed. */
  | 'suspend'
  /** Renew the claim. */
  | 'retake'
  | 'hand'
  | 'tell taken'
  | 'tell released'
  /** What is in memory may not be what is stored: read it anew. */
  | 'reread';

export type Step = [phase: GroupPhase, actions: GroupAction[]];

export function stepGroup(phase: GroupPhase, input: GroupInput): Step {
  return phases[phase](input);
}

const phases: Record<GroupPhase, (input: GroupInput) => Step> = {
  away,
  following,
  warm,
  taking,
  serving,
  handing,
  lapsed,
  regaining,
};

function away(input: GroupInput): Step {
  return input.type === 'look' && isKept(input) ? ['following', ['follow']] : ['away', []];
}

function following(input: GroupInput): Step {
  if (input.type === 'whole') return ['warm', []];
  if (input.type === 'look' && !isKept(input)) return ['away', ['unfollow']];
  return ['following', []];
}

function warm(input: GroupInput): Step {
  if (input.type !== 'look') return ['warm', []];
  if (!isKept(input)) return ['away', ['unfollow']];
  if (!input.leaseHeld) return ['warm', []];
  if (input.owner === 'self') return ['serving', ['adopt', 'tell taken']];
  if (input.owner === 'free' && input.designation === 'primary') return ['taking', ['take']];
  return ['warm', []];
}

function taking(input: GroupInput): Step {
  switch (input.type) {
    case 'taken':
      return ['serving', ['tell taken']];
    case 'lost':
    case 'failed':
      return ['warm', []];
    default:
      return ['taking', []];
  }
}

function serving(input: GroupInput): Step {
  switch (input.type) {
    case 'look':
      // Alone it can only be cut off from the store: what is known goes on being served, nothing can be written.
      if (!input.leaseHeld) return input.alone ? ['serving', []] : ['lapsed', ['suspend']];
      // An owner does not read its stream: it asks whom that names.
      if (input.contested) return ['regaining', ['retake']];
      return input.designation !== 'primary' && input.mayHand ? ['handing', ['hand']] : ['serving', []];
    case 'leased':
      return ['regaining', ['retake']];
    case 'lost':
      return lose();
    default:
      return ['serving', []];
  }
}

function handing(input: GroupInput): Step {
  switch (input.type) {
    case 'look':
      return input.leaseHeld ? ['handing', []] : ['lapsed', ['suspend']];
    case 'handed':
      return ['following', ['tell released', 'follow']];
    case 'lost':
      return lose();
    case 'leased':
    // The next owner is gone, or the stream did not answer: whom does it name?
    case 'failed':
      return ['regaining', ['retake']];
    default:
      return ['handing', []];
  }
}

function lapsed(input: GroupInput): Step {
  const isHeld = input.type === 'leased' || (input.type === 'look' && input.leaseHeld);
  if (input.type === 'lost') return lose();
  return isHeld ? ['regaining', ['retake']] : ['lapsed', []];
}

function regaining(input: GroupInput): Step {
  switch (input.type) {
    case 'taken':
      return ['serving', []];
    case 'lost':
      return lose();
    // What it has heard by now may be of before the lease lapsed.
    case 'leased':
      return ['regaining', ['retake']];
    // Alone it need not ask before it serves what it knows.
    case 'look':
      return input.leaseHeld || !input.alone ? ['regaining', []] : ['serving', ['suspend']];
    default:
      return ['regaining', []];
  }
}

const lose = (): Step => ['following', ['tell released', 'reread']];

const isKept = ({ designation, owner }: Situation): boolean => designation !== 'none' || owner === 'self';
