// What happened in a room, in words: plain clients show no more than the text of a message and the room that it is from.
import type { ChatEvent, EditEvent, PostEvent } from '@linchpin/proto/chat-events';
import type { Post } from '../chat.ts';

/** What a member is told. */
export interface Said {
  /** The number of the event; 0 for what is said to one person only, such as the answer to a command. */
  seq: number;
  /** RFC 3339. */
  at: string;
  text: string;
}

/** How a person is called: by the name to show, where there is one. */
export type NameOf = (user: string) => string;

/** Undefined for what members are not told: what they did themselves, who comes and goes, reactions, what is deleted. */
export function saidIn(event: ChatEvent, member: string, nameOf: NameOf): Said | undefined {
  if (event.by === member || (event.kind !== 'post' && event.kind !== 'edit')) return undefined;
  const known = remembered.get(event) ?? inWords(event, nameOf);
  remembered.set(event, known);
  return known;
}

/** All sessions of a room get the same event, and tell it in the same words. */
const remembered = new WeakMap<ChatEvent, Said>();

function inWords(event: PostEvent | EditEvent, nameOf: NameOf): Said {
  const { seq, at, by } = event;
  const text = event.kind === 'post' ? postText(event, nameOf) : `${nameOf(by)} (edited): ${event.body}`;
  return { seq, at, text };
}

export const saidInPost = (post: Post, member: string, nameOf: NameOf): Said | undefined =>
  post.by === member || post.deletedAt !== undefined
    ? undefined
    : { seq: post.seq, at: post.at, text: postText(post, nameOf) };

export function postText(
  { by, subject, body, files }: Pick<Post, 'by' | 'subject' | 'body' | 'files'>,
  nameOf: NameOf,
): string {
  const title = subject === undefined ? '' : `[${subject}]\n`;
  const attached = files.length === 0 ? '' : `\n(${files.length} ${files.length === 1 ? 'file' : 'files'})`;
  return `${nameOf(by)}: ${title}${body}${attached}`;
}
