// "@alice" or "@alice@contoso.lab" in a post, of people who can read it.
import type { Access } from '../access/access.ts';
import { ChatError } from '../chat.ts';

/** More names in one post are passed over. */
const MAX_MENTIONS = 20;
const MENTION = /(?<![\p{L}\p{N}._@-])@([\p{L}\p{N}][\p{L}\p{N}._+-]*(?:@[a-z0-9][a-z0-9.-]*)?)/giu;

/** Addresses that a text may mean; a name alone is one of `domain`. */
export function namesIn(text: string, domain: string): string[] {
  if (!text.includes('@')) return [];
  const names = [...text.matchAll(MENTION)].map(([, name = '']) => name.toLowerCase().replace(/[.-]+$/, ''));
  const full = names.map((name) => (name.includes('@') ? name : `${name}@${domain}`));
  return [...new Set(full)].slice(0, MAX_MENTIONS);
}

/** Those of them who may read the room. */
export async function mentioned(
  access: Pick<Access, 'standing' | 'remembered'>,
  room: string,
  names: readonly string[],
): Promise<string[]> {
  const read = await Promise.all(names.map((name) => mayRead(access, room, name)));
  return names.filter((_, at) => read[at]);
}

async function mayRead(
  access: Pick<Access, 'standing' | 'remembered'>,
  room: string,
  name: string,
): Promise<boolean> {
  try {
    const standing = access.remembered({ name }, room) ?? (await access.standing({ name }, room));
    return standing.mayRead;
  } catch (error) {
    if (error instanceof ChatError && error.code !== 'unavailable') return false;
    throw error;
  }
}
