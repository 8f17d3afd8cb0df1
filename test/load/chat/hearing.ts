// From many posts and many hearers: how long each took to the last one.
import type { Crowd, Heard, Sent } from './crowd.ts';

export interface Hearing {
  posts: number;
  /** That somebody did not hear, or heard twice. */
  wrong: number;
  /** Milliseconds, sorted. */
  toLast: number[];
  /** Until its author knew that it is stored. */
  toStored: number[];
}

const SETTLE_MS = 100;

export const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;

const byNumber = (one: number, other: number): number => one - other;

export function hearingOf(
  sent: readonly Sent[],
  heard: readonly (readonly [string, Heard])[],
  sizeOf: (room: number) => number,
): Hearing {
  const all = new Map<string, Heard>();
  for (const [clientId, { count, last }] of heard) {
    const known = all.get(clientId) ?? { count: 0, last: 0 };
    all.set(clientId, { count: known.count + count, last: Math.max(known.last, last) });
  }
  const right = sent.filter(({ clientId, room }) => all.get(clientId)?.count === sizeOf(room));
  return {
    posts: sent.length,
    wrong: sent.length - right.length,
    toLast: right.map(({ clientId, at }) => (all.get(clientId) as Heard).last - at).sort(byNumber),
    toStored: sent.map(({ at, stored }) => stored - at).sort(byNumber),
  };
}

/** Waits until everybody has heard everything, or nothing comes any more for a while. */
export async function listen(
  pods: readonly Crowd[],
  sent: readonly Sent[],
  sizeOf: (room: number) => number,
  patience = 10_000,
): Promise<Hearing> {
  for (const until = performance.now() + patience; ; ) {
    const heard = (await Promise.all(pods.map((pod) => pod.heard()))).flat();
    const hearing = hearingOf(sent, heard, sizeOf);
    if (hearing.wrong === 0 || performance.now() > until) return hearing;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
}
