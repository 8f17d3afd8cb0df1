// What pods tell each other of access (NOTIFY), and what the configuration says of it: whose standing may be another now.
import { createPostgresSession, type Logger } from '@linchpin/host';
import type { DocumentChange, Replica } from '@linchpin/topology';
import type { ClientBase, PoolConfig } from 'pg';
import type { AccessNotice } from './access.ts';

const CHANNEL = 'linchpin_chat_access';
const LOOK_MS = 1_000;
const ANSWER_MS = 3_000;

export interface Notices {
  onChanged(listener: (notice: AccessNotice) => void): () => void;
  /** Topics of this user are others now; undefined: of anybody. */
  onTopics(listener: (owner: string | undefined) => void): () => void;
  /** Part of the transaction: nobody is told of what was not committed, and no pod that listens misses it. */
  tell(client: ClientBase, notice: Notice): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

export type Notice = { room: string } | { category: string } | { topics: string };

export interface NoticesParts {
  /** Where PostgreSQL is. */
  options: PoolConfig;
  replica: Pick<Replica, 'onChange'>;
  log: Logger;
}

export function createNotices({ options, replica, log }: NoticesParts): Notices {
  const listeners = new Set<(notice: AccessNotice) => void>();
  const ofTopics = new Set<(owner: string | undefined) => void>();
  function told(notice: AccessNotice): void {
    for (const listener of [...listeners]) listener(notice);
  }

  replica.onChange((changes) => {
    const notice = noticeOf(changes);
    if (notice !== undefined) told(notice);
  });

  const session = createPostgresSession({
    ...{ options, log, setup: `LISTEN ${CHANNEL}`, everyMs: LOOK_MS, answerMs: ANSWER_MS },
    onNotification({ payload = '' }) {
      const [kind, id] = payload.split(' ');
      if (kind === 'room' && id) told({ room: id });
      else if (kind === 'category' && id) told({ category: id });
      else if (kind === 'topics' && id) for (const listener of ofTopics) listener(id);
    },
    // Nobody knows what was said while nobody listened.
    onOpen() {
      told({});
      for (const listener of ofTopics) listener(undefined);
    },
    check: (client) => client.query('SELECT 1'),
    lostMessage: 'changes of access are not heard of for now',
  });

  return {
    onChanged(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onTopics(listener) {
      ofTopics.add(listener);
      return () => ofTopics.delete(listener);
    },
    async tell(client, notice) {
      const [[kind, id]] = Object.entries(notice) as [[string, string]];
      await client.query('SELECT pg_notify($1, $2)', [CHANNEL, `${kind} ${id}`]);
    },
    start: session.start,
    stop: session.stop,
  };
}

/** Undefined: nobody's. */
function noticeOf(changes: readonly DocumentChange[]): AccessNotice | undefined {
  const users = new Set<string>();
  for (const change of changes) {
    if (change.kind === 'PersistentChatPolicy' || change.kind === 'Topology') return {};
    if (change.kind === 'User') users.add(change.name);
    if (change.kind === 'Group') for (const user of exchanged(change)) users.add(user);
  }
  return users.size > 0 ? { users } : undefined;
}

/** Who came into a group or left it. */
function exchanged({ before, after }: DocumentChange): string[] {
  const was = membersIn(before);
  const is = membersIn(after);
  return [...was, ...is].filter((user) => was.has(user) !== is.has(user));
}

const membersIn = (document: DocumentChange['before']): ReadonlySet<string> =>
  new Set((document?.spec as { members?: string[] } | undefined)?.members ?? []);
