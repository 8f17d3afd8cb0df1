import type { SipRequest } from '../message/request.ts';

/**
 * Requests that a client has sent over a connection and that were passed on to another pod. The client relies on its connection and
 * sends nothing twice (RFC 3261 17.1.2.1), and a pod that dies says nothing of what it had: so the side where the connection ends
 * passes on once more what was with others when one of them went, and got no answer at all. A pod that lives knows a copy of what
 * it is busy with by its branch (17.2.3).
 */
export interface Unanswered<T> {
  /** `passed` is what to pass on again, `bytes` what it takes. ACK and CANCEL are left to their INVITE. */
  add(flow: string, request: SipRequest, passed: T, bytes: number): void;
  /** A message goes to the client of the flow: after any response, a provisional one too, it knows more than we do. */
  answered(flow: string, message: Buffer): void;
  forget(flow: string, request: SipRequest): void;
  /** A pod that may have had some of them is gone. */
  podGone(): void;
  readonly size: number;
  stop(): void;
}

export interface UnansweredOptions<T> {
  /** Passes it on once more. */
  again(passed: T): void;
  /** Requests that are remembered; the oldest is forgotten for one more. */
  capacity?: number;
  /** Bytes of them. */
  capacityBytes?: number;
  /** Milliseconds, of any clock that only goes forward. */
  now?: () => number;
}

/** A pod that is gone is noticed within seconds; the second time comes when whatever held the first one has given up. */
const WAITS_MS = [1_500, 6_000] as const;
const SWEEP_MS = 250;

interface Entry<T> {
  since: number;
  due: number;
  passed: T;
  bytes: number;
}

export function createUnanswered<T>({
  again,
  capacity = 20_000,
  capacityBytes = 64 * 1024 * 1024,
  now = () => performance.now(),
}: UnansweredOptions<T>): Unanswered<T> {
  /** By how often it was passed on again; in the order of when they are due, since all of a round wait equally long. */
  const rounds = WAITS_MS.map(() => new Map<string, Entry<T>>());
  let taken = 0;
  let goneAt = Number.NEGATIVE_INFINITY;
  const has = (key: string): boolean => rounds.some((round) => round.has(key));

  function put(index: number, key: string, passed: T, bytes: number): void {
    const round = rounds[index];
    const wait = WAITS_MS[index];
    if (!round || wait === undefined) return;
    const since = now();
    round.set(key, { since, due: since + wait, passed, bytes });
    taken += bytes;
    if (round.size > capacity) dropFirst(round);
    while (taken > capacityBytes) dropOldest();
  }

  function drop(round: Map<string, Entry<T>>, key: string): void {
    taken -= round.get(key)?.bytes ?? 0;
    round.delete(key);
  }

  const dropFirst = (round: Map<string, Entry<T>>): void => drop(round, round.keys().next().value ?? '');

  /** What has been passed on more often is older. */
  function dropOldest(): void {
    const oldest = rounds.findLast(({ size }) => size > 0);
    if (oldest) dropFirst(oldest);
  }

  function forget(key: string): void {
    for (const round of rounds) if (round.size > 0) drop(round, key);
  }

  function sweep(): void {
    const time = now();
    for (const [index, round] of rounds.entries()) {
      for (const [key, { since, due, passed, bytes }] of round) {
        if (due > time) break;
        drop(round, key);
        put(index + 1, key, passed, bytes);
        if (since <= goneAt) again(passed);
      }
    }
  }

  const timer = setInterval(sweep, SWEEP_MS).unref();

  return {
    add(flow, request, passed, bytes) {
      if (request.method === 'ACK' || request.method === 'CANCEL') return;
      const key = keyOf(flow, request.via.branch);
      if (key !== undefined && !has(key)) put(0, key, passed, bytes);
    },
    answered(flow, message) {
      if (rounds.every(({ size }) => size === 0) || !isResponse(message)) return;
      const key = keyOf(flow, branchIn(message));
      if (key !== undefined) forget(key);
    },
    forget(flow, request) {
      const key = keyOf(flow, request.via.branch);
      if (key !== undefined) forget(key);
    },
    podGone() {
      goneAt = now();
    },
    get size() {
      return rounds.reduce((sum, { size }) => sum + size, 0);
    },
    stop: () => clearInterval(timer),
  };
}

// Without a branch of RFC 3261 nobody could know a copy.
const keyOf = (flow: string, branch: string | undefined): string | undefined =>
  branch?.startsWith('z9hG4bK') ? `${flow} ${branch}` : undefined;

const RESPONSE = Buffer.from('SIP/2.0 ');
const BRANCH = Buffer.from('branch=');

const isResponse = (message: Buffer): boolean =>
  message.length > RESPONSE.length && RESPONSE.compare(message, 0, RESPONSE.length) === 0;

/** Of the topmost Via, which stands before all other headers that could hold a branch in what our own stack writes. */
function branchIn(message: Buffer): string | undefined {
  const at = message.indexOf(BRANCH);
  if (at < 0) return undefined;
  let end = at + BRANCH.length;
  while (end < message.length && !isEnd(message[end] ?? 0)) end++;
  return message.toString('latin1', at + BRANCH.length, end);
}

/** `;`, `,`, white space. */
const isEnd = (byte: number): boolean => byte <= 0x20 || byte === 0x3b || byte === 0x2c;
