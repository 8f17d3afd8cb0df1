// From posts that are stored to those who want to know of them, wherever they are. It keeps nobody waiting who posts, and loses
// rather than gathers: what was said is found by a search.
import { createBuckets, type Logger, type NatsLink } from '@linchpin/host';
import type { ChatEvent, PostEvent } from '@linchpin/proto/chat-events';
import type { Registry } from 'prom-client';
import type { Access } from '../access/access.ts';
import type { Notices } from '../access/notices.ts';
import { type Alert, type Chat, ChatError } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { type Confirmed, createConfirm, type Found } from './confirm.ts';
import { createKnownTopics } from './known-topics.ts';
import { createReaders } from './readers.ts';
import { createAlertsTelemetry } from './telemetry.ts';

export interface Alerts extends Pick<Chat, 'watchAlerts'> {
  /** Topics that are matched here. */
  readonly topics: number;
  /** What this pod has stored, after COMMIT; once only. Returns before anything is done. */
  onCommitted(events: readonly ChatEvent[]): void;
  start(): void;
  stop(): Promise<void>;
}

export interface AlertsParts {
  nats: Pick<NatsLink, 'connected' | 'onConnected'>;
  /** The name of this pod. */
  pod: string;
  database: Pick<Database, 'use'>;
  access: Pick<Access, 'standing'>;
  notices: Pick<Notices, 'onTopics'>;
  metrics: Registry;
  log: Logger;
}

const POSTS_AT_ONCE = 200;
/** Posts that wait to be looked through; more are passed over. */
const MOST_WAITING = 20_000;
/** Users who are asked after with one query. */
const FOUND_AT_ONCE = 1_000;
/** Of one user: nobody reads more, and one word that is everywhere must not take the database from those who post. */
const RATE = { perSecond: 20, burst: 100 };
const EXCERPT = 200;

export function createAlerts(parts: AlertsParts): Alerts {
  const { database, access, notices, metrics, log } = parts;
  const known = createKnownTopics({ database, notices, log });
  const readers = createReaders(parts);
  const confirm = createConfirm({ database, access });
  const { alerts } = createAlertsTelemetry(metrics, () => known.size);
  const rates = createBuckets(RATE);
  // Apart: a topic may match what its owner may not read, which is only known when the rest was asked for.
  const mentionRates = createBuckets(RATE);
  let waiting: PostEvent[] = [];
  let working: Promise<void> | undefined;

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      // Those who have posted have their answers first, and others are heard in between.
      await new Promise(setImmediate);
      const found = waiting.splice(0, POSTS_AT_ONCE).flatMap(foundIn);
      for (let at = 0; at < found.length; at += FOUND_AT_ONCE)
        await tell(found.slice(at, at + FOUND_AT_ONCE));
    }
  }

  async function begin(): Promise<void> {
    try {
      await work();
    } catch (error) {
      log.error({ err: error }, 'posts could not be looked through for topics');
    }
    working = undefined;
  }

  function foundIn(post: PostEvent): Found[] {
    const topics = known.match(post);
    if (topics.length === 0 && post.mentions.length === 0) return [];
    const mine = Map.groupBy(topics, ({ owner }) => owner);
    const users = new Set([...post.mentions, ...mine.keys()]);
    users.delete(post.by);
    return [...users]
      .map((user) => ({
        ...{ post, user, topics: mine.get(user) ?? [] },
        mentioned: post.mentions.includes(user),
      }))
      .filter(takes);
  }

  function takes({ user, mentioned }: Found): boolean {
    if ((mentioned ? mentionRates : rates).take(user)) return true;
    alerts.inc({ result: 'limited' });
    return false;
  }

  async function tell(found: readonly Found[]): Promise<void> {
    try {
      const confirmed = await confirm(found);
      for (const each of confirmed) readers.tell(each.user, alertOf(each));
      alerts.inc({ result: 'told' }, confirmed.length);
    } catch (error) {
      alerts.inc({ result: 'lost' }, found.length);
      if (error instanceof ChatError) log.debug({ err: error }, 'alerts were lost');
      else log.error({ err: error }, 'alerts were lost');
    }
  }

  return {
    get topics() {
      return known.size;
    },
    watchAlerts: async (caller, listener) => (caller.admin ? () => {} : readers.watch(caller.name, listener)),
    onCommitted(events) {
      for (const event of events) {
        if (event.kind !== 'post' || (known.size === 0 && event.mentions.length === 0)) continue;
        if (waiting.length < MOST_WAITING) waiting.push(event);
        else alerts.inc({ result: 'lost' });
      }
      if (waiting.length > 0) working ??= begin();
    },
    start() {
      known.start();
      readers.start();
    },
    async stop() {
      waiting = [];
      await working;
      await known.stop();
      readers.stop();
    },
  };
}

function alertOf({ post, topics, mentioned, standing }: Confirmed): Alert {
  const { scope: room, seq, by, at, subject, body } = post;
  return {
    ...{ room, roomName: standing.room.name, seq, by, at },
    ...(subject !== undefined && { subject }),
    excerpt: beginningOf(body),
    topics: topics.map(({ name }) => name).sort(),
    mentioned,
  };
}

/** Characters, none of them cut in two; with an ellipsis where there is more. */
function beginningOf(body: string): string {
  if (body.length <= EXCERPT) return body;
  const characters = [...body.slice(0, 2 * (EXCERPT + 1))];
  return characters.length <= EXCERPT ? body : `${characters.slice(0, EXCERPT - 1).join('')}…`;
}
