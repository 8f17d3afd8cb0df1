// What comes from the queue, taken apart; and an event as the compliance store has it.
import type { ChatEvent } from '@linchpin/proto/chat-events';
import { canonical } from './canonical.ts';

/** An event on its way into the store. */
export interface Arrival {
  scope: string;
  seq: number;
  at: Date;
  kind: string;
  by: string;
  /** The name of the room or category, where the event tells one. */
  name: string | undefined;
  /** Canonical JSON. */
  text: string;
}

/** An event in the store. */
export interface StoredEvent {
  scope: string;
  seq: number;
  text: string;
  hash: Buffer;
}

/** What a message from the queue holds is no array of events. */
export class EventError extends Error {
  override readonly name = 'EventError';
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_KIND = 64;
const MAX_NAME = 512;
const NAMES = /^(room|category)-(created|changed|disabled|enabled)$/;

export const isScope = (text: string): boolean => UUID.test(text);

/** The events of one message that was published for `scope`. Throws EventError: then none of it can be stored. */
export function parseEvents(payload: Uint8Array, scope: string): Arrival[] {
  const events = parseJson(payload);
  if (!Array.isArray(events)) throw new EventError('is no array');
  return events.map((event, index) => arrival(event, scope, index));
}

/** Of an event that was found to be good before. */
export const parseStored = (text: string): ChatEvent => JSON.parse(text);

export function fromText(text: string): Arrival {
  const event = JSON.parse(text);
  return arrival(event, event.scope, 0);
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new EventError(`is no JSON: ${(cause as Error).message}`, { cause });
  }
}

function arrival(event: unknown, scope: string, index: number): Arrival {
  const wrong = (what: string) => new EventError(`event ${index + 1} ${what}`);
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw wrong('is no object');
  const { seq, at, kind, by, name } = event as Record<string, unknown>;
  if ((event as ChatEvent).scope !== scope || !isScope(scope)) throw wrong('is of another scope');
  if (!Number.isSafeInteger(seq) || (seq as number) < 1) throw wrong('has no number');
  const time = new Date(typeof at === 'string' ? at : Number.NaN);
  if (Number.isNaN(time.getTime()) || time.toISOString() !== at) throw wrong('has no time');
  if (typeof kind !== 'string' || typeof by !== 'string') throw wrong('has no kind or nobody who did it');
  return {
    scope,
    seq: seq as number,
    at: time,
    ...columns({ kind, by }),
    name: NAMES.test(kind) && typeof name === 'string' ? column(name, MAX_NAME) : undefined,
    text: canonicalEvent(event, wrong),
  };
}

/** The category in which a room was made, or to which it was moved. */
export function categoryOf(event: Partial<ChatEvent>): string | undefined {
  if (event.kind !== 'room-created' && event.kind !== 'room-changed') return undefined;
  const category = event.change?.category;
  return typeof category === 'string' && isScope(category) ? category : undefined;
}

function canonicalEvent(event: object, wrong: (what: string) => EventError): string {
  try {
    return canonical(event);
  } catch (error) {
    throw wrong(`cannot be written: ${(error as Error).message}`);
  }
}

/** What of an event is in columns of its own, as they hold it. */
export const columns = ({ kind, by }: { kind: string; by: string }): { kind: string; by: string } => ({
  kind: column(kind, MAX_KIND),
  by: column(by, MAX_NAME),
});

/** PostgreSQL has no text with NUL or half a character in it, and indexes none of any length; the event itself has all. */
const column = (text: string, length: number): string =>
  text.replaceAll('\0', '\ufffd').slice(0, length).toWellFormed();
