// What becomes of one request: let in, matched, authenticated, validated, handled, answered.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Buckets, Logger } from '@linchpin/host';
import { type Caller, ChatError } from '../chat.ts';
import type { Authentication, Identity } from './authentication.ts';
import { type BodyLimits, readJson } from './body.ts';
import type { Match } from './match.ts';
import type { Origins } from './origins.ts';
import { WebError } from './problem.ts';
import { cutUnread, sendJson, sendNothing, sendProblem, setSecurityHeaders } from './respond.ts';
import type { Ask, Route, RouteParts } from './route.ts';
import { readTarget } from './target.ts';
import type { WebTelemetry } from './telemetry.ts';
import { queryOf, validate } from './validate.ts';

export interface DispatchParts {
  match: (method: string, path: string) => Match;
  authentication: Authentication;
  origins: Origins;
  perUser: Buckets;
  perSource: Buckets;
  atOncePerUser: number;
  body: BodyLimits;
  /** Users who are administrators. */
  administrators: ReadonlySet<string>;
  routes: RouteParts;
  telemetry: WebTelemetry;
  log: Logger;
}

export type Dispatch = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createDispatch(parts: DispatchParts): Dispatch {
  const { match, authentication, origins, perUser, perSource, administrators, telemetry, log } = parts;

  function matched(method: string, path: string, response: ServerResponse) {
    const found = match(method, path);
    if (found.route) return found;
    if (found.allowed.length === 0) throw new WebError(404, 'not-found', 'there is nothing by this path');
    response.setHeader('allow', [...found.allowed, 'OPTIONS'].join(', '));
    if (method !== 'OPTIONS') throw new WebError(405, 'invalid', `only ${found.allowed.join(', ')} here`);
    origins.preflight(response, found.allowed);
    return undefined;
  }

  function identify(route: Route, request: IncomingMessage, source: string): Identity | undefined {
    if (route.open === 'everybody') return undefined;
    const identity = authentication.identify(request, source, route.open === 'digest');
    if (perUser.take(identity.user)) return identity;
    throw new ChatError('limit', 'too many requests', 1);
  }

  async function askOf(
    route: Route,
    given: { params: unknown; query: unknown },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Ask> {
    const identity = identify(route, request, sourceOf(request)) ?? NOBODY;
    const body = route.body && (await readJson(request, response, parts.body));
    const caller = callerOf(identity.user, route.asAdministrator && administrators.has(identity.user));
    return { caller, identity, ...validate(route, { ...given, body }), request, response };
  }

  const underWay = new Map<string, number>();
  /** Until the answer is sent or given up: somebody may take all day to read it. */
  function countUnderWay(user: string, response: ServerResponse): void {
    const others = underWay.get(user) ?? 0;
    if (others >= parts.atOncePerUser) throw new ChatError('limit', 'too many requests at one time', 1);
    if (user === '' || response.closed) return;
    underWay.set(user, others + 1);
    response.once('close', () => {
      const left = (underWay.get(user) ?? 1) - 1;
      if (left === 0) underWay.delete(user);
      else underWay.set(user, left);
    });
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<string> {
    if (!perSource.take(sourceOf(request)))
      throw new ChatError('limit', 'too many requests from this address', 1);
    const { path, search } = readTarget(request.url ?? '');
    origins.admit(request, response);
    const found = matched(request.method ?? '', path, response);
    if (found === undefined) {
      sendNothing(response, 204);
      return 'preflight';
    }
    const { route, params } = found;
    response.once('finish', () => observe(route, response));
    const ask = await askOf(route, { params, query: queryOf(search) }, request, response);
    if (!isEventStream(route)) countUnderWay(ask.identity.user, response);
    const result = await route.handle(parts.routes, ask);
    if (!response.headersSent && route.streams === undefined) reply(route, result, response);
    return route.operation;
  }

  const began = new WeakMap<ServerResponse, number>();
  function observe(route: Route, response: ServerResponse): void {
    if (route.streams?.some(({ type }) => type === 'text/event-stream') && response.statusCode === 200)
      return;
    const seconds = (performance.now() - (began.get(response) ?? 0)) / 1000;
    telemetry.requestSeconds.observe({ operation: route.operation, status: response.statusCode }, seconds);
  }

  return async (request, response) => {
    began.set(response, performance.now());
    setSecurityHeaders(response);
    cutUnread(request, response);
    try {
      await answer(request, response);
    } catch (error) {
      const { defect } = sendProblem(response, error);
      // Whoever went away in the middle of it is no defect.
      if (defect && !request.socket.destroyed)
        log.error({ err: error, method: request.method }, 'a request failed');
    }
  };
}

const isEventStream = ({ streams }: Route): boolean =>
  streams?.some(({ type }) => type === 'text/event-stream') ?? false;

const NOBODY: Identity = { user: '', by: 'digest' };

const callerOf = (name: string, admin: boolean): Caller => (admin ? { name, admin: true } : { name });

/** An IPv4 address in an IPv6 socket is that address; of IPv6 a network of 64 bits is one source, for it has them all. */
export function sourceOf({ socket: { remoteAddress = '' } }: IncomingMessage): string {
  if (remoteAddress.startsWith('::ffff:')) return remoteAddress.slice(7);
  return remoteAddress.includes(':') ? network(remoteAddress) : remoteAddress;
}

function network(address: string): string {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const zeroes = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeroes).fill('0'), ...right].slice(0, 4).join(':');
}

function reply(route: Route, result: unknown, response: ServerResponse): void {
  const headers: Record<string, string> = route.location ? { location: route.location(result) } : {};
  if (route.answer === undefined) sendNothing(response, route.status, headers);
  else sendJson(response, route.status, result, headers);
}
