// What is told of changes to rooms, categories and their lists.
import type { ConfigurationEvent } from '@linchpin/proto/chat-events';
import { type Caller, ChatError, type Principal } from './chat.ts';
import type { NewEvent } from './journal/journal.ts';

/** Who acts, as events record it. */
export const byOf = ({ admin, name }: Caller): string => (admin ? `admin:${name}` : name);

/** `name` is that of the room or category as it is now. */
export const configured = (
  kind: ConfigurationEvent['kind'],
  caller: Caller,
  name: string,
  change: Record<string, unknown>,
): NewEvent => ({ kind, by: byOf(caller), name, change });

/** So many principals are told of in one event: an event has to fit into a message. */
export const PRINCIPALS_PER_EVENT = 1_000;

/** `roles`: those whose roles have changed, with what they are now. */
export function accessEvents(
  caller: Caller,
  name: string,
  roles: readonly (readonly [Principal, readonly string[]])[],
): NewEvent[] {
  return parts(roles).map((part) => configured('access-changed', caller, name, Object.fromEntries(part)));
}

export const inviteEvents = (caller: Caller, who: readonly Principal[]): NewEvent[] =>
  parts(who).map((part) => ({ kind: 'invite', by: byOf(caller), who: part }));

function parts<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / PRINCIPALS_PER_EVENT);
  return Array.from({ length: count }, (_, at) =>
    all.slice(at * PRINCIPALS_PER_EVENT, (at + 1) * PRINCIPALS_PER_EVENT),
  );
}

export function requireAdmin(caller: Caller, what: string): void {
  if (!caller.admin) throw new ChatError('forbidden', `only administrators ${what}`);
}

/** For `catch`: the unique index of names has refused it. */
export const nameTaken = (what: string, name: string) => (error: { code?: string; constraint?: string }) => {
  // PostgreSQL's unique_violation.
  if (error.code !== '23505') throw error;
  throw new ChatError('conflict', `name: there is a ${what} ${JSON.stringify(name)} already`);
};
