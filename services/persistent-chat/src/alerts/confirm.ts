// Who may be told of a post: those who may read it now, wherever they are, and whose words it says.
import type { PostEvent } from '@linchpin/proto/chat-events';
import type { Access, Standing } from '../access/access.ts';
import { ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { selectHeld, selectPresent } from './store.ts';
import type { IndexedTopic } from './topic-index.ts';

/** Somebody who may want to know of a post. */
export interface Found {
  post: PostEvent;
  user: string;
  topics: readonly IndexedTopic[];
  mentioned: boolean;
}

export interface Confirmed extends Found {
  standing: Standing;
}

export interface ConfirmParts {
  database: Pick<Database, 'use'>;
  access: Pick<Access, 'standing'>;
}

/** Those who are left, with the topics that are. Rejects with `unavailable` while the database is away. */
export type Confirm = (found: readonly Found[]) => Promise<Confirmed[]>;

export function createConfirm({ database, access }: ConfirmParts): Confirm {
  async function whoseWordsAreSaid(found: readonly Found[]): Promise<readonly Found[]> {
    const asked = found.flatMap(({ post: { scope: room, seq }, topics }) =>
      topics.map(({ owner, name }) => ({ room, seq, owner, name })),
    );
    if (asked.length === 0) return found;
    const held = await database.use((client) => selectHeld(client, asked));
    let at = 0;
    return found
      .map((each) => ({ ...each, topics: each.topics.filter(() => held.has(at++)) }))
      .filter(({ topics, mentioned }) => topics.length > 0 || mentioned);
  }

  async function standingOf({ user, post }: Found): Promise<Standing | undefined> {
    try {
      const standing = await access.standing({ name: user }, post.scope);
      return standing.mayRead ? standing : undefined;
    } catch (error) {
      if (error instanceof ChatError && error.code !== 'unavailable') return undefined;
      throw error;
    }
  }

  /** Where nothing is kept for those who come later, only those who are there know what was said. */
  async function withoutAbsent(readable: readonly Confirmed[]): Promise<Confirmed[]> {
    const fleeting = readable.filter(({ standing }) => !standing.room.chatHistory);
    if (fleeting.length === 0) return [...readable];
    const asked = fleeting.map(({ post, user }) => ({ room: post.scope, member: user }));
    const present = await database.use((client) => selectPresent(client, asked));
    const absent = new Set(fleeting.filter((_, at) => !present.has(at)));
    return readable.filter((each) => !absent.has(each));
  }

  return async (found) => {
    const said = await whoseWordsAreSaid(found);
    const standings = await Promise.all(said.map(standingOf));
    const readable = said.flatMap((each, at) => {
      const standing = standings[at];
      return standing ? [{ ...each, standing }] : [];
    });
    return withoutAbsent(readable);
  };
}
