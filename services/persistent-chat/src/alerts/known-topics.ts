// The topics of everybody in the memory of a pod, read again where another pod says that they have changed.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@linchpin/host';
import type { PostEvent } from '@linchpin/proto/chat-events';
import type { Notices } from '../access/notices.ts';
import type { Database } from '../database/database.ts';
import { PAGE, selectKnown, selectKnownOf } from './store.ts';
import { createTopicIndex, type IndexedTopic } from './topic-index.ts';

export interface KnownTopics {
  readonly size: number;
  /** Those that a post may match, as TopicIndex says. */
  match(post: PostEvent): readonly IndexedTopic[];
  start(): void;
  stop(): Promise<void>;
}

export interface KnownTopicsParts {
  database: Pick<Database, 'use'>;
  notices: Pick<Notices, 'onTopics'>;
  log: Logger;
}

const AWAY_MS = 1_000;

export function createKnownTopics({ database, notices, log }: KnownTopicsParts): KnownTopics {
  const stopping = new AbortController();
  let index = createTopicIndex();
  /** Whose topics have to be read: of these, or of all. */
  let owners = new Set<string>();
  let all = false;
  let reading: Promise<void> | undefined;
  let isTold = false;
  let off = (): void => {};

  function onTopics(owner: string | undefined): void {
    if (owner === undefined) all = true;
    else owners.add(owner);
    reading ??= read().finally(() => {
      reading = undefined;
    });
  }

  // One after the other: what was read later is newer.
  async function read(): Promise<void> {
    while ((all || owners.size > 0) && !stopping.signal.aborted) {
      const [these, isAll] = [owners, all];
      [owners, all] = [new Set(), false];
      try {
        await (isAll ? readAll() : readOf([...these]));
        isTold = false;
      } catch (error) {
        if (!isTold)
          log.warn({ err: error }, 'topics cannot be read for now: alerts go by those that were read before');
        isTold = true;
        all ||= isAll;
        for (const owner of these) owners.add(owner);
        await sleep(AWAY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  }

  async function readAll(): Promise<void> {
    const made = createTopicIndex();
    for (let page = await database.use((client) => selectKnown(client)); ; ) {
      for (const topic of page) made.add(topic);
      if (page.length < PAGE) break;
      const last = page.at(-1);
      page = await database.use((client) => selectKnown(client, last));
    }
    index = made;
  }

  async function readOf(whose: readonly string[]): Promise<void> {
    const topics = await database.use((client) => selectKnownOf(client, whose));
    for (const owner of whose) index.removeAll(owner);
    for (const topic of topics) index.add(topic);
  }

  return {
    get size() {
      return index.size;
    },
    match: (post) => index.match(post),
    start() {
      off = notices.onTopics(onTopics);
    },
    async stop() {
      off();
      stopping.abort();
      await reading;
    },
  };
}
