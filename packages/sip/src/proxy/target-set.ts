import type { SipRequest } from '../message/request.ts';
import type { Target } from './target.ts';

/** RFC 5393 5.3.3. */
const mostBreadth = 60;

/** Targets in the order in which they are tried (RFC 3261 16.6): groups one after the other, each in parallel. */
export interface TargetSet {
  next(): { targets: Target[]; maxBreadth: number } | undefined;
  /** Another registration of the same device, when the flow of this one failed (RFC 5626 7). */
  alternative(target: Target): Target | undefined;
}

export function createTargetSet(request: SipRequest, targets: readonly Target[]): TargetSet {
  const breadth = breadthOf(request);
  const [first, ...rest] = targets;
  if (!first || rest.length > 0) return forkingSet(targets, breadth);
  let left: Target[] = [first];
  return {
    next() {
      const group = left.length > 0 ? { targets: left, maxBreadth: breadth } : undefined;
      left = [];
      return group;
    },
    alternative: () => undefined,
  };
}

function forkingSet(targets: readonly Target[], breadth: number): TargetSet {
  const spare: Target[] = [];
  const waiting = onePerInstance(targets.toSorted(byPreference), spare);
  return {
    next() {
      const [first] = waiting;
      if (!first) return undefined;
      const equal = waiting.filter((target) => qOf(target) === qOf(first)).length;
      // What does not fit into the breadth waits until this group is done (RFC 5393 5.5).
      const group = waiting.splice(0, Math.min(equal, breadth));
      return { targets: group, maxBreadth: Math.floor(breadth / group.length) };
    },
    alternative(target) {
      const at = spare.findIndex((other) => other.instance === target.instance);
      return at < 0 ? undefined : spare.splice(at, 1)[0];
    },
  };
}

/** The others of an instance go into `spare`. */
function onePerInstance(targets: readonly Target[], spare: Target[]): Target[] {
  const seen = new Set<string>();
  const kept: Target[] = [];
  for (const target of targets) {
    const again = target.instance !== undefined && seen.has(target.instance);
    (again ? spare : kept).push(target);
    if (target.instance !== undefined) seen.add(target.instance);
  }
  return kept;
}

export function breadthOf(request: SipRequest): number {
  const given = request.get('max-breadth');
  // What is not a positive number is overwritten like one that is too large.
  return given !== undefined && /^[1-9]\d?$/.test(given) ? Math.min(Number(given), mostBreadth) : mostBreadth;
}

function byPreference(one: Target, other: Target): number {
  return qOf(other) - qOf(one);
}

function qOf(target: Target): number {
  return target.q ?? 1;
}
