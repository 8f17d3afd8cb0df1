// What people are told of what happens in a room: less than compliance is. What a post said before, who reads and searches what,
// and why something was purged, is not for everybody; nor is a file before it is posted.
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { z } from 'zod';
import type { Post } from '../chat.ts';
import type { StreamEventName, streamEvents } from './event-schemas.ts';

/** The name of a Server-Sent Event, and data as its schema says. */
export type PublicEvent = {
  [E in StreamEventName]: { event: E; data: z.input<(typeof streamEvents)[E]> };
}[StreamEventName];

/** As it is sent: the fields of a Server-Sent Event but for its id, which differs from stream to stream. */
export interface Fields {
  event: string;
  text: string;
}

export const fieldsOf = ({ event, data }: PublicEvent): Fields => ({
  event,
  text: `event: ${event}\ndata: ${JSON.stringify(data)}\n`,
});

/** All sessions of a room are told of the same objects: what one has written the others need not. */
const written = new WeakMap<ChatEvent, Fields | null>();

/** Undefined for what is told to nobody. */
export function publicFields(event: ChatEvent): Fields | undefined {
  let fields = written.get(event);
  if (fields === undefined) {
    const told = publicEvent(event);
    fields = told ? fieldsOf(told) : null;
    written.set(event, fields);
  }
  return fields ?? undefined;
}

function publicEvent(event: ChatEvent): PublicEvent | undefined {
  const { scope: room, seq, at, by } = event;
  const happened = { room, seq, at, by };
  switch (event.kind) {
    case 'post': {
      const { subject, body, thread, mentions, files } = event;
      return postEvent({ ...happened, subject, body, thread, mentions, files, reactions: [] });
    }
    case 'edit': {
      const { post, subject, body } = event;
      return { event: 'edit', data: { ...happened, post, subject, body } };
    }
    case 'delete':
      return { event: 'delete', data: { ...happened, post: event.post } };
    case 'reaction': {
      const { post, reaction, set } = event;
      return { event: 'reaction', data: { ...happened, post, reaction, set } };
    }
    case 'join':
      return { event: 'join', data: happened };
    case 'part':
      return { event: 'part', data: happened };
    case 'purged':
      return { event: 'purged', data: { ...happened, posts: event.posts } };
    case 'room-changed':
    case 'room-disabled':
    case 'room-enabled':
    case 'room-deleted':
    case 'access-changed':
      return { event: 'changed', data: { ...happened, what: event.kind, name: event.name } };
    default:
      return undefined;
  }
}

export const postEvent = (post: Post): PublicEvent => ({ event: 'post', data: { ...post } });
