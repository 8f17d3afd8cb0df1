import type { TimerValues } from './timer-values.ts';

/** A to M are those of RFC 3261 17 and RFC 6026 7; the last three are explained where they are started. */
export type TimerName =
  | 'A'
  | 'B'
  | 'D'
  | 'E'
  | 'F'
  | 'G'
  | 'H'
  | 'I'
  | 'J'
  | 'K'
  | 'L'
  | 'M'
  | 'trying'
  | 'expiry'
  | 'cancel';

/** `after` is how long the timer ran: what doubles its interval needs no other memory. Milliseconds. */
export interface Fired {
  readonly on: TimerName;
  readonly after: number;
}

export interface Start {
  readonly start: TimerName;
  readonly after: number;
}

/** A transaction runs two timers at most: one that repeats something, one that ends its state. */
export type TimerSlot = 'repeat' | 'life';

export interface Stop {
  readonly stop: TimerSlot;
}

export type Action<Verb extends string> = Verb | Start | Stop;

/** The next state and what is to be done, in this order. To start a timer ends the one in its slot. */
export type Step<State extends string, Verb extends string> = readonly [
  State | 'terminated',
  readonly Action<Verb>[],
];

export interface Machine<State extends string, Input, Verb extends string> {
  readonly start: Step<State, Verb>;
  step(state: State, input: Input): Step<State, Verb>;
}

export interface Timing extends TimerValues {
  /** The transport retransmits by itself, so timers A, E and G are not needed, and D, I, J and K are zero. */
  readonly reliable: boolean;
}

const slots: Record<TimerName, TimerSlot> = {
  A: 'repeat',
  B: 'life',
  D: 'life',
  E: 'repeat',
  F: 'life',
  G: 'repeat',
  H: 'life',
  I: 'life',
  J: 'life',
  K: 'life',
  L: 'life',
  M: 'life',
  trying: 'repeat',
  expiry: 'life',
  cancel: 'life',
};

export function slotOf(timer: TimerName): TimerSlot {
  return slots[timer];
}

export function start(timer: TimerName, after: number): Start {
  return { start: timer, after };
}

export const stopRepeating: Stop = { stop: 'repeat' };
export const stopLife: Stop = { stop: 'life' };
