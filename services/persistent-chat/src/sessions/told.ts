// What of all that happens in a room its sessions are told.
import type { ChatEvent, ConfigurationEvent, PresenceEvent } from '@linchpin/proto/chat-events';

export const isPresence = (event: ChatEvent): event is PresenceEvent =>
  event.kind === 'join' || event.kind === 'part';

/** Somebody may not be there any more after it. */
export function changesAccess({ kind }: ChatEvent): boolean {
  switch (kind) {
    case 'access-changed':
    case 'room-changed':
    case 'room-disabled':
    case 'room-deleted':
      return true;
    default:
      return false;
  }
}

/** Whom it concerns, where these are people by name; undefined: it may be anybody. */
export function concerned(event: ChatEvent): ReadonlySet<string> | undefined {
  if (event.kind !== 'access-changed') return undefined;
  const principals = Object.keys(event.change);
  // Groups and domains are written as "group:Sales".
  if (principals.length === 0 || principals.some((name) => name.includes(':'))) return undefined;
  return new Set(principals);
}

/**
 * The event as sessions see it, made once for all of them; undefined for what only compliance is told. Not told: what a post said
 * before, a file that is not posted yet, that something is held, and why something was purged.
 */
export function told(event: ChatEvent, withRoster: boolean): ChatEvent | undefined {
  switch (event.kind) {
    case 'post':
    case 'reaction':
    case 'access-changed':
    case 'room-disabled':
    case 'room-enabled':
    case 'room-deleted':
      return event;
    case 'purged':
      return { ...event, why: '' };
    case 'room-changed':
      return withoutHold(event);
    case 'edit':
    case 'delete':
      return { ...event, before: { body: '' } };
    case 'join':
    case 'part':
      return withRoster ? event : undefined;
    default:
      return undefined;
  }
}

/** Undefined where it was about nothing else: that it happened would say it. */
function withoutHold(event: ConfigurationEvent): ConfigurationEvent | undefined {
  const { legalHold, ...change } = event.change;
  if (legalHold === undefined) return event;
  return Object.keys(change).length > 0 ? { ...event, change } : undefined;
}
