import type { Clock } from './clock.ts';
import type { Fired, TimerName } from './machine.ts';

export interface TimerOwner {
  fired(timer: Fired): void;
}

/** A running timer; it is the input of the machine as well when it fires. */
export interface RunningTimer extends Fired {
  readonly owner: TimerOwner;
  readonly deadline: number;
  previous: Link;
  next: Link;
}

type Link = RunningTimer | Queue;

interface Queue {
  previous: Link;
  next: Link;
}

export interface TimerQueues {
  start(owner: TimerOwner, on: TimerName, after: number): RunningTimer;
  stop(timer: RunningTimer): void;
  close(): void;
}

// Milliseconds. A busy server has a timer due in each of them; to wake up for each would cost more than what it is woken for.
const rest = 20;

/**
 * Timers of the same duration fire in the order in which they were started, so there is one queue for each of the few
 * durations, and one timeout for the whole. To start and to stop costs the same with ten timers and with a million.
 */
export function createTimerQueues(clock: Clock): TimerQueues {
  const queues = new Map<number, Queue>();
  let armed: unknown;
  let armedFor = Number.POSITIVE_INFINITY;
  let rested = Number.NEGATIVE_INFINITY;

  function arm(deadline: number): void {
    const at = Math.max(deadline, rested);
    if (at >= armedFor) return;
    if (armed !== undefined) clock.clearTimeout(armed);
    armedFor = at;
    armed = clock.setTimeout(fire, Math.max(1, Math.ceil(armedFor - clock.now())));
  }

  function fire(): void {
    armed = undefined;
    armedFor = Number.POSITIVE_INFINITY;
    const now = clock.now();
    try {
      for (const queue of queues.values()) fireDue(queue, now);
      rested = now + rest;
    } finally {
      for (const { next } of queues.values()) if (isTimer(next)) arm(next.deadline);
    }
  }

  return {
    start(owner, on, after) {
      const queue = queueOf(queues, after);
      const { previous } = queue;
      const timer: RunningTimer = { on, after, owner, deadline: clock.now() + after, previous, next: queue };
      previous.next = timer;
      queue.previous = timer;
      arm(timer.deadline);
      return timer;
    },
    stop: unlink,
    close() {
      queues.clear();
      if (armed !== undefined) clock.clearTimeout(armed);
      armed = undefined;
      armedFor = Number.POSITIVE_INFINITY;
    },
  };
}

function fireDue(queue: Queue, now: number): void {
  for (let timer = queue.next; isTimer(timer) && timer.deadline <= now; timer = queue.next) {
    unlink(timer);
    timer.owner.fired(timer);
  }
}

function queueOf(queues: Map<number, Queue>, after: number): Queue {
  let queue = queues.get(after);
  if (queue === undefined) {
    queue = {} as Queue;
    queue.previous = queue;
    queue.next = queue;
    queues.set(after, queue);
  }
  return queue;
}

function isTimer(link: Link): link is RunningTimer {
  return 'owner' in link;
}

// Linked to itself, a timer that fired or was stopped may be stopped again.
function unlink(timer: RunningTimer): void {
  timer.previous.next = timer.next;
  timer.next.previous = timer.previous;
  timer.previous = timer;
  timer.next = timer;
}
