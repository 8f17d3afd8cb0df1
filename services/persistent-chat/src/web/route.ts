// One entry of the table that requests are dispatched by, and that the OpenAPI document is made of.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Caller, Chat } from '../chat.ts';
import type { Files } from '../files/files.ts';
import type { Identity } from './authentication.ts';
import type { serverInfo, token } from './schemas.ts';
import type { Streams } from './streams.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What handlers work with. */
export interface RouteParts {
  chat: Chat;
  files: Files;
  streams: Streams;
  tokenFor(user: string): z.output<typeof token>;
  serverInfo(user: string): z.output<typeof serverInfo>;
  openApi(): unknown;
}

/** A request that was let in and is well formed. */
export interface Ask<P = unknown, Q = unknown, B = unknown> {
  caller: Caller;
  identity: Identity;
  params: P;
  query: Q;
  body: B;
  request: IncomingMessage;
  response: ServerResponse;
}

export interface Route {
  operation: string;
  method: Method;
  /** With names in braces: `/v1/rooms/{room}`. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  /** Who may come: everybody, or users, by digest only where a token is what they want. */
  open: 'everybody' | 'users' | 'digest';
  /** In the name of an administrator, where the caller is one. */
  asAdministrator: boolean;
  params: z.ZodObject;
  query: z.ZodObject;
  /** JSON; undefined: none is read. */
  body: z.ZodType | undefined;
  status: 200 | 201 | 204;
  /** JSON; undefined with 204, and where the handler answers itself. */
  answer: z.ZodType | undefined;
  /** The handler answers itself, in these media types. */
  streams?: { status: number; type: string; description: string; events?: Record<string, z.ZodType> }[];
  /** The handler reads the body itself, of any type. */
  takesBytes: boolean;
  /** Of what was made. */
  location?(answer: unknown): string;
  handle(parts: RouteParts, ask: Ask): Promise<unknown>;
}

type Shape = Record<string, z.ZodType>;
type Output<S extends Shape> = z.output<z.ZodObject<S>>;

interface RouteSpec<P extends Shape, Q extends Shape, B extends z.ZodType, A extends z.ZodType>
  extends Partial<Omit<Route, 'params' | 'query' | 'body' | 'answer' | 'handle' | 'location'>> {
  operation: string;
  method: Method;
  path: string;
  tag: string;
  summary: string;
  params?: P;
  query?: Q;
  body?: B;
  answer?: A;
  location?(answer: z.output<A>): string;
  handle(parts: RouteParts, ask: Ask<Output<P>, Output<Q>, z.output<B>>): Promise<z.input<A>>;
}

// biome-ignore lint/complexity/noBannedTypes: no names at all, which is what a route without them has
type None = {};

export function route<
  P extends Shape = None,
  Q extends Shape = None,
  B extends z.ZodType = z.ZodUndefined,
  A extends z.ZodType = z.ZodVoid,
>(spec: RouteSpec<P, Q, B, A>): Route {
  const { params, query, body, answer, location, handle, ...rest } = spec;
  return {
    open: 'users',
    asAdministrator: false,
    status: 200,
    takesBytes: false,
    ...rest,
    params: z.strictObject(params ?? {}),
    query: z.strictObject(query ?? {}),
    body,
    answer,
    // What comes in was validated by the very schemas that these types are of.
    ...(location && { location: location as Route['location'] }),
    handle: handle as unknown as Route['handle'],
  };
}
