import type { Frame } from '@linchpin/proto/relay/v1/relay';
import type { Session } from '../access/sessions.ts';

/** A stream to another pod. */
export interface Way {
  readonly up: boolean;
  send(frame: Frame): boolean;
}

/** The way to the Director that gets the next message of a flow; undefined while none can be reached. */
export type NextDirector = (session: Pick<Session, 'token'>) => Way | undefined;

export interface NextDirectorParts {
  links: ReadonlyMap<string, Way>;
  /** The Directors that live and do not drain. */
  pods(): readonly { name: string }[];
  now?(): number;
}

/** A message takes a few milliseconds by way of a Director: what comes so much later cannot overtake it on another way. */
const SETTLED_MS = 500;

/**
 * Each flow has a Director of its own by rendezvous hashing: it keeps it while that one lives, and a new Director gets only
 * its share of flows. A flow that is talking right now stays where it is until it pauses or its Director is gone, so that its
 * messages arrive in order.
 */
export function createNextDirector({
  links,
  pods,
  now = () => performance.now(),
}: NextDirectorParts): NextDirector {
  const last = new WeakMap<object, { pod: string; at: number }>();
  const isUp = (pod: string): boolean => links.get(pod)?.up === true;

  function choose(token: string): string | undefined {
    const living = pods()
      .map(({ name }) => name)
      .filter(isUp);
    // Better one that drains than none.
    return favourite(token, living) ?? favourite(token, [...links.keys()].filter(isUp));
  }

  return (session) => {
    const at = now();
    const before = last.get(session);
    if (before !== undefined && at - before.at < SETTLED_MS && isUp(before.pod)) {
      before.at = at;
      return links.get(before.pod);
    }
    const pod = choose(session.token);
    if (pod === undefined) return undefined;
    last.set(session, { pod, at });
    return links.get(pod);
  };
}

/** The pod with the highest score for this flow; every other order of the same pods gives the same. */
function favourite(token: string, pods: readonly string[]): string | undefined {
  if (pods.length < 2) return pods[0];
  const scored = pods.map((pod) => ({ pod, score: score(`${token} ${pod}`) }));
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).pod;
}

/** FNV-1a with the finalizer of MurmurHash3: FNV alone differs little where only the end of a text does. */
function score(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
