import { OWNER_KEY, type OwnerRecord } from '@linchpin/proto/subjects';
import {
  type GroupStream,
  type OnEntry,
  SequenceConflict,
  type StreamEntry,
} from '../src/fabric/group-stream.ts';
import { Unanswered } from '../src/fabric/requests.ts';

export type Fault = 'away' | 'lost answer' | undefined;

/** For tests: a group's stream in memory, that can be away, keep an answer to itself, or be lost and made anew. */
export function createFakeStream() {
  let created = '';
  let last = 0;
  let exists = false;
  let incarnation = 0;
  const entries = new Map<string, StreamEntry>();
  const feeds = new Set<OnEntry>();
  const writes: string[] = [];
  const fake = {
    fault: undefined as Fault,
    /** Appends wait for it. */
    held: undefined as Promise<void> | undefined,
    writes,
    value: (key: string): unknown => JSON.parse(entries.get(key)?.text || 'null'),
    keys: () => [...entries.keys()].filter((key) => key !== OWNER_KEY),
    ownerNow: (): OwnerRecord | undefined => fake.value(OWNER_KEY) as OwnerRecord | undefined,
    /** As another pod does that has seen everything. */
    writeAs: (key: string, value: unknown) => store(key, JSON.stringify(value)),
    lose() {
      exists = false;
      entries.clear();
      for (const feed of feeds) feeds.delete(feed);
    },
  };

  function store(key: string, text: string): number {
    const entry = { key, text, sequence: ++last };
    entries.delete(key);
    entries.set(key, entry);
    for (const feed of feeds) queueMicrotask(() => feeds.has(feed) && feed(entry, 0));
    return last;
  }

  function assertThere(): void {
    if (fake.fault === 'away') throw new Unanswered('away', false);
  }

  const stream: GroupStream = {
    async info() {
      assertThere();
      return exists ? { created, last, messages: entries.size } : undefined;
    },
    async create() {
      assertThere();
      if (exists) return;
      exists = true;
      created = `stream ${++incarnation}`;
      last = 0;
    },
    async owner() {
      assertThere();
      // As nats-server 2.9 does while another is making the stream.
      if (entries.size === 0) throw new Error('the server ends when something is read of an empty stream');
      const entry = entries.get(OWNER_KEY);
      return entry && { record: JSON.parse(entry.text) as OwnerRecord, sequence: entry.sequence };
    },
    async append(key, text, expected) {
      assertThere();
      await fake.held;
      if (!exists) throw new Unanswered('no such stream', false);
      if (expected !== last) throw new SequenceConflict(`wrong last sequence: ${last}`);
      if (key !== OWNER_KEY) writes.push(`${key}=${text}`);
      const sequence = store(key, text);
      if (fake.fault === 'lost answer') throw new Unanswered('lost', true);
      return sequence;
    },
    async dropMark(key, sequence) {
      if ((entries.get(key)?.sequence ?? 0) <= sequence) entries.delete(key);
    },
    async feed(after, onEntry) {
      assertThere();
      const known = [...entries.values()].filter(({ sequence }) => sequence > after);
      for (const [at, entry] of known.entries()) queueMicrotask(() => onEntry(entry, known.length - at - 1));
      feeds.add(onEntry);
      const { promise, resolve } = Promise.withResolvers<void>();
      return {
        count: known.length,
        ended: promise,
        stop() {
          feeds.delete(onEntry);
          resolve();
        },
      };
    },
  };
  return Object.assign(fake, { stream });
}

export type FakeStream = ReturnType<typeof createFakeStream>;
