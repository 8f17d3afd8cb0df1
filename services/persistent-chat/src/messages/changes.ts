// What is done to posts after they were posted. What they said before is kept in post_versions.
import type { ChatEvent } from '@linchpin/proto/chat-events';
import type { PoolClient } from 'pg';
import type { Access, Standing } from '../access/access.ts';
import { type Caller, ChatError, type Post } from '../chat.ts';
import type { Database } from '../database/database.ts';
import type { Journal, LockedRoom, NewEvent } from '../journal/journal.ts';
import { demand } from '../rights.ts';
import { LOCK_MS } from '../room-lock.ts';
import type { Text } from './body.ts';
import { byOf } from './by.ts';
import { readPost } from './post-rows.ts';
import { withoutCompliance } from './without-compliance.ts';

export interface ChangeParts {
  database: Pick<Database, 'transaction'>;
  journal: Pick<Journal, 'lockRooms' | 'append' | 'committed'>;
  access: Pick<Access, 'standing' | 'confirm'>;
  /** Whether compliance can be relied on at this moment. */
  isComplianceThere(): boolean;
}

/** Different reactions of one person to one post. */
const MAX_REACTIONS = 20;

export interface Changes {
  edit(caller: Caller, room: string, seq: number, text: Text, mentions: readonly string[]): Promise<Post>;
  remove(caller: Caller, room: string, seq: number): Promise<void>;
  react(caller: Caller, room: string, seq: number, reaction: string, set: boolean): Promise<void>;
}

export function createChanges({ database, journal, access, isComplianceThere }: ChangeParts): Changes {
  /** With the room locked and the standing confirmed; `run` gives what happened, if anything did. */
  async function change(
    caller: Caller,
    room: string,
    seq: number,
    run: (
      client: PoolClient,
      locked: LockedRoom,
      post: Post,
      standing: Standing,
    ) => Promise<NewEvent | undefined>,
  ): Promise<void> {
    const before = await access.standing(caller, room);
    const events = await database.transaction(async (client): Promise<ChatEvent[]> => {
      const locked = (await journal.lockRooms(client, [before.room.id], LOCK_MS)).get(before.room.id);
      if (locked === undefined) throw new ChatError('not-found', 'the room is gone');
      if (locked.complianceRequired && !isComplianceThere()) throw withoutCompliance();
      const standing = await access.confirm(client, caller, before, locked);
      demand(caller, standing, 'mayRead');
      const post = await readPost(client, locked.id, seq);
      if (post === undefined) throw noSuchPost(seq);
      const event = await run(client, locked, post, standing);
      return event ? journal.append(client, locked, [event]) : [];
    });
    journal.committed(events);
  }

  return {
    async edit(caller, room, seq, text, mentions) {
      let edited: Post | undefined;
      await change(caller, room, seq, async (client, locked, post, standing) => {
        demand(caller, standing, 'mayPost');
        if (post.by !== byOf(caller)) throw new ChatError('forbidden', 'only its author may edit a post');
        if (post.deletedAt !== undefined) throw noSuchPost(seq);
        const now = { subject: post.subject, ...text };
        await storeText(
          client,
          { ...post, ...now, mentions: [...mentions] },
          locked,
          byOf(caller),
          'edited_at',
        );
        edited = withText({ ...post, mentions: [...mentions], editedAt: locked.at }, now);
        return { kind: 'edit', by: byOf(caller), post: seq, ...textOf(now), before: textOf(post) };
      });
      return edited as Post;
    },

    remove: (caller, room, seq) =>
      change(caller, room, seq, async (client, locked, post, standing) => {
        if (!standing.mayManage && post.by !== byOf(caller))
          throw new ChatError('forbidden', 'only its author and managers of the room may delete a post');
        if (post.deletedAt !== undefined) return undefined;
        const nothing = { ...post, subject: undefined, body: '', mentions: [] };
        await storeText(client, nothing, locked, byOf(caller), 'deleted_at');
        return { kind: 'delete', by: byOf(caller), post: seq, before: textOf(post) };
      }),

    // Whoever may read: a reaction is no post, so an audience may react where only presenters post.
    react: (caller, room, seq, reaction, set) =>
      change(caller, room, seq, async (client, _, post) => {
        if (post.deletedAt !== undefined) throw noSuchPost(seq);
        const own = post.reactions.filter(({ by }) => by.includes(byOf(caller)));
        const isSet = own.some((known) => known.reaction === reaction);
        if (isSet === set) return undefined;
        if (set && own.length >= MAX_REACTIONS)
          throw new ChatError('limit', `more than ${MAX_REACTIONS} reactions to one post`);
        await client.query(set ? SET_REACTION : UNSET_REACTION, [post.room, seq, byOf(caller), reaction]);
        return { kind: 'reaction', by: byOf(caller), post: seq, reaction, set };
      }),
  };
}

const noSuchPost = (seq: number): ChatError => new ChatError('not-found', `there is no post ${seq}`);

const textOf = ({ subject, body }: { subject?: string | undefined; body: string }): Text => ({
  ...(subject !== undefined && { subject }),
  body,
});

function withText({ subject: _, ...post }: Post, text: { subject?: string | undefined; body: string }): Post {
  return { ...post, ...textOf(text) };
}

const SET_REACTION = 'INSERT INTO reactions (room, seq, member, reaction) VALUES ($1, $2, $3, $4)';
const UNSET_REACTION = 'DELETE FROM reactions WHERE room = $1 AND seq = $2 AND member = $3 AND reaction = $4';

// Both parts see the post as it was.
const storeTextAnd = (column: 'edited_at' | 'deleted_at') => `
  WITH kept AS (
    INSERT INTO post_versions (room, seq, version, subject, body, until, changed_by, event_seq)
    SELECT room, seq, 1 + (SELECT count(*) FROM post_versions v WHERE v.room = $1 AND v.seq = $2), subject, body, $3, $4, $5
    FROM posts WHERE room = $1 AND seq = $2
  )
  UPDATE posts SET subject = $6, body = $7, mentions = $8, ${column} = $3 WHERE room = $1 AND seq = $2`;

async function storeText(
  client: PoolClient,
  post: { room: string; seq: number; subject?: string | undefined; body: string; mentions: string[] },
  { at, lastSeq }: LockedRoom,
  by: string,
  column: 'edited_at' | 'deleted_at',
): Promise<void> {
  const { room, seq, subject = null, body, mentions } = post;
  // The number that the event of this change gets next.
  await client.query(storeTextAnd(column), [room, seq, at, by, lastSeq + 1, subject, body, mentions]);
}
