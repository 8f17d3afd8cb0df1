import { createHash } from 'node:crypto';
import type { Directory, Members } from '@linchpin/topology';
import type { Owners } from './owners.ts';

/** A Front End pod that can be reached now. */
export interface Way<F> {
  readonly up: boolean;
  send(frame: F): boolean;
}

/**
 * The way for a request of a user to the Front End that serves the user whom it concerns; without one, who serves the sender.
 * `pool` is the sender's home pool.
 */
export type WayTo<F> = (identity: string, concerned?: string) => { pool: string; way: Way<F> | undefined };

/** Rendezvous hashing: each user prefers the pods of the pool in an order of its own, which changes little when pods come and go. */
export function preference(user: string, pods: readonly string[]): string[] {
  const score = (pod: string): string => createHash('md5').update(`${user} ${pod}`).digest('hex');
  return pods.length < 2 ? [...pods] : [...pods].sort((a, b) => (score(a) < score(b) ? 1 : -1));
}

export interface HomeParts<F> {
  directory: Pick<Directory, 'user' | 'poolMembers'>;
  members: Pick<Members, 'get'>;
  owners: Owners;
  ways: ReadonlyMap<string, Way<F>>;
}

/**
 * While nobody says that it serves the user, or who does cannot be reached, a request goes to the pod that its sender prefers of
 * those that are up: it finds the owner, or holds the request until there is one. A pod that drains comes last.
 */
export function createHome<F>({ directory, members, owners, ways }: HomeParts<F>): WayTo<F> {
  const wayUp = (pod: string | undefined): Way<F> | undefined => {
    const way = pod === undefined ? undefined : ways.get(pod);
    return way?.up ? way : undefined;
  };
  const poolOf = (user: string): string | undefined => directory.user(user)?.spec.pool;
  const drains = (pod: string): boolean => members.get(pod)?.state === 'draining';

  function anyOf(pool: string, identity: string): Way<F> | undefined {
    const names = directory.poolMembers(pool).map(({ name }) => name);
    const up = names.filter((pod) => wayUp(pod) !== undefined);
    const staying = up.filter((pod) => !drains(pod));
    return wayUp(preference(identity, staying.length > 0 ? staying : up)[0]);
  }

  return function wayTo(identity, concerned = identity) {
    const pool = poolOf(identity) ?? '';
    const owner = poolOf(concerned) === pool ? owners.of(pool, concerned) : undefined;
    return { pool, way: wayUp(owner) ?? anyOf(pool, identity) };
  };
}
