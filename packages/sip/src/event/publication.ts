import { randomBytes } from 'node:crypto';
import { isToken } from '../message/characters.ts';
import { type ExpiresLimits, grantPublicationExpires } from './expiry.ts';

/** One published event state (RFC 3903 3), plain JSON when S is. */
export interface Publication<S> {
  etag: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
  state: S;
}

/** A PUBLISH without its envelope. */
export interface PublishRequest<S> {
  /** Value of SIP-If-Match. */
  ifMatch?: string;
  /** Seconds asked for. */
  expires?: number;
  /** What the body says; absent when there is none. */
  state?: S;
}

export interface PublishRules {
  now: number;
  limits: ExpiresLimits;
  /** Never the same twice (RFC 3903 6 step 6); `createEtag` when left out. */
  makeEtag?(): string;
}

export type PublishOutcome<S> =
  | {
      status: 200;
      /** SIP-ETag and Expires of the response. */
      headers: [string, string][];
      /** All publications of the resource and package after this one; expired ones are gone. */
      publications: Publication<S>[];
      change: 'created' | 'modified' | 'refreshed' | 'removed';
      etag: string;
      expires: number;
    }
  | { status: 400 | 412 | 423; reason: string; headers: [string, string][] };

export function createEtag(): string {
  return randomBytes(9).toString('hex');
}

/**
 * RFC 3903 6 steps 3 to 6 over the publications of one resource and event package. Nothing given is altered, so a refusal
 * or a store that fails afterwards leaves all as it was.
 */
export function publish<S>(
  publications: readonly Publication<S>[],
  request: PublishRequest<S>,
  rules: PublishRules,
): PublishOutcome<S> {
  const live = livePublications(publications, rules.now);
  const before = live.find((one) => one.etag === request.ifMatch);
  // A list of entity tags is no token (RFC 3903 11.3.1).
  if (request.ifMatch !== undefined && !isToken(request.ifMatch)) return refused(400, 'Invalid SIP-If-Match');
  if (request.ifMatch !== undefined && !before) return refused(412, 'Conditional Request Failed');
  const grant = grantPublicationExpires(request.expires, rules.limits);
  if (!grant.ok) return refused(423, 'Interval Too Brief', [['min-expires', String(grant.minExpires)]]);
  const state = request.state ?? before?.state;
  if (state === undefined) return refused(400, 'PUBLISH Without Event State');
  const etag = (rules.makeEtag ?? createEtag)();
  const after: Publication<S> = { etag, expiresAt: rules.now + grant.expires * 1000, state };
  return {
    status: 200,
    headers: [
      ['sip-etag', etag],
      ['expires', String(grant.expires)],
    ],
    publications: replaced(live, before, grant.expires === 0 ? undefined : after),
    change: changeOf(grant.expires, request.state !== undefined, before !== undefined),
    etag,
    expires: grant.expires,
  };
}

/** Those whose time is not over; expired event state matches nothing any more (RFC 3903 4.3). */
export function livePublications<S>(publications: readonly Publication<S>[], now: number): Publication<S>[] {
  return publications.filter((one) => one.expiresAt > now);
}

/** When the first one expires, in milliseconds since 1970. */
export function nextExpiry(publications: readonly Publication<unknown>[]): number | undefined {
  return publications.length === 0 ? undefined : Math.min(...publications.map((one) => one.expiresAt));
}

/** A modified publication keeps its place, so composition by age does not jump about. */
function replaced<S>(
  live: Publication<S>[],
  before: Publication<S> | undefined,
  after: Publication<S> | undefined,
) {
  if (!before) return after ? [...live, after] : live;
  return live.flatMap((one) => (one === before ? (after ?? []) : one));
}

function changeOf(expires: number, hasState: boolean, known: boolean) {
  if (expires === 0) return 'removed';
  if (!known) return 'created';
  return hasState ? 'modified' : 'refreshed';
}

function refused(status: 400 | 412 | 423, reason: string, headers: [string, string][] = []) {
  return { status, reason, headers } as const;
}
