// What pods tell each other of access (NOTIFY), and what the configuration says of it: whose standing may be another now.
import type { Logger } from '@linchpin/host';
import type { DocumentChange, Replica } from '@linchpin/topology';
import pg, { type Client, type ClientBase, type Notification, type PoolConfig } from 'pg';
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
  let client: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();
  let stopped = false;

  function told(notice: AccessNotice): void {
    for (const listener of [...listeners]) listener(notice);
  }

  replica.onChange((changes) => {
    const notice = noticeOf(changes);
    if (notice !== undefined) told(notice);
  });

  function heard({ payload = '' }: Notification): void {
    const [kind, id] = payload.split(' ');
    if (kind === 'room' && id) told({ room: id });
    else if (kind === 'category' && id) told({ category: id });
    else if (kind === 'topics' && id) for (const listener of ofTopics) listener(id);
  }

  function lost(of: Client): void {
    if (client !== of) return;
    client = undefined;
    of.end().catch(() => {});
  }

  async function open(): Promise<void> {
    // A pool does not show its password to those that copy its options.
    const { password, ssl } = options;
    const limits = { connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS };
    const opened = new pg.Client({ ...options, password, ssl, ...limits });
    opened.on('error', () => lost(opened));
    opened.on('end', () => lost(opened));
    opened.on('notification', heard);
    try {
      await opened.connect();
      await opened.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      opened.end().catch(() => {});
      throw error;
    }
    client = opened;
    // Nobody knows what was said while nobody listened.
    told({});
    for (const listener of ofTopics) listener(undefined);
  }

  async function look(): Promise<void> {
    const current = client;
    if (current === undefined) return open();
    await current.query('SELECT 1').catch((error) => {
      lost(current);
      throw error;
    });
  }

  function next(): void {
    if (stopped) return;
    timer = setTimeout(run, LOOK_MS);
  }

  function run(): void {
    turn = look()
      .catch((error) => log.debug({ err: error }, 'changes of access are not heard of for now'))
      .then(next);
  }

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
    start: run,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await turn;
      const ended = client;
      client = undefined;
      await ended?.end().catch(() => {});
    },
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
