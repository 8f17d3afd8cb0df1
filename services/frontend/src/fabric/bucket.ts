import type { NatsLink } from '@linchpin/host';
import { USER_STATE_BUCKET } from '@linchpin/proto/subjects';
import { StorageType } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { createRequests, Unanswered } from './requests.ts';

/** The key's revision is another one than the writer expected: nothing was written. */
export class RevisionConflict extends Error {
  override readonly name = 'RevisionConflict';
}

export interface StoredEntry {
  key: string;
  /** Empty: deleted. */
  text: string;
  revision: number;
}

/** The KV bucket (NATS ADR-8), fenced by revision; 0 says that the key must not exist. Values are JSON texts. */
export interface Bucket {
  /** Creates the bucket where there is none. Resolves with what tells this bucket from another that had its name. */
  open(): Promise<string>;
  /** All that is in the bucket, after `open`. */
  load(): Promise<StoredEntry[]>;
  read(key: string, timeout: number): Promise<StoredEntry | undefined>;
  /** Resolves with the new revision once stored; rejects with RevisionConflict or Unanswered. */
  write(key: string, text: string, expected: number, timeout: number): Promise<number>;
  /** Resolves with the revision to expect next, 0 where no trace of the key is left. */
  remove(key: string, expected: number, timeout: number): Promise<number>;
  close(): void;
}

interface Answer {
  seq?: number;
  success?: boolean;
  message?: { seq: number; data?: string };
  error?: { err_code?: number; description?: string };
}

const STREAM = `KV_${USER_STATE_BUCKET}`;
const EXPECTED = 'Nats-Expected-Last-Subject-Sequence';
const WRONG_LAST_SEQUENCE = 10071;
const NO_MESSAGE_FOUND = 10037;

export function createBucket(nats: NatsLink, replicas: number): Bucket {
  const requests = createRequests(nats);
  const subject = (key: string) => `$KV.${USER_STATE_BUCKET}.${key}`;
  const fence = (expected: number): [string, string] => [EXPECTED, String(expected)];

  /** Markers of deleted keys would fill the bucket, since each subscription has a key of its own. */
  async function dropMarker(key: string, seq: number, timeout: number): Promise<boolean> {
    const payload = JSON.stringify({ filter: subject(key), seq: seq + 1 });
    const reply = await requests.send({ subject: `$JS.API.STREAM.PURGE.${STREAM}`, payload }, timeout);
    return answerOf(reply).success === true;
  }

  return {
    async open() {
      const { streamInfo } = await (await openBucket(await nats.connection(), replicas)).status();
      return streamInfo.created;
    },
    async load() {
      return readAll(await openBucket(await nats.connection(), replicas));
    },
    async read(key, timeout) {
      const payload = JSON.stringify({ last_by_subj: subject(key) });
      const reply = await requests.send({ subject: `$JS.API.STREAM.MSG.GET.${STREAM}`, payload }, timeout);
      return entryOf(key, answerOf(reply));
    },
    async write(key, text, expected, timeout) {
      const request = { subject: subject(key), payload: text, headers: [fence(expected)] };
      return revisionOf(answerOf(await requests.send(request, timeout)));
    },
    async remove(key, expected, timeout) {
      const marker: [string, string][] = [fence(expected), ['KV-Operation', 'DEL']];
      const request = { subject: subject(key), payload: '', headers: marker };
      const seq = revisionOf(answerOf(await requests.send(request, timeout)));
      const gone = await dropMarker(key, seq, timeout).catch(() => false);
      return gone ? 0 : seq;
    },
    close: () => requests.close(),
  };
}

async function openBucket(connection: NatsConnection, replicas: number): Promise<KV> {
  const buckets = new Kvm(connection);
  return buckets.create(USER_STATE_BUCKET, { history: 1, storage: StorageType.File, replicas });
}

async function readAll(bucket: KV): Promise<StoredEntry[]> {
  const { values } = await bucket.status();
  const entries: StoredEntry[] = [];
  for await (const entry of await bucket.history()) {
    const text = entry.operation === 'PUT' ? entry.string() : '';
    entries.push({ key: entry.key, text, revision: entry.revision });
  }
  // The iterator ends as well when the connection breaks; half of the users must not be taken for all of them.
  if (entries.length < values) throw new Unanswered(`read ${entries.length} of ${values} keys`, true);
  return entries;
}

function answerOf(message: Msg): Answer {
  // No responders: status 503 without a body, where no JetStream leader is there.
  if (message.data.length === 0) throw new Unanswered('no JetStream server is there', false);
  return message.json<Answer>();
}

function revisionOf({ seq, error }: Answer): number {
  if (seq !== undefined) return seq;
  const why = error?.description ?? 'an answer without a sequence';
  throw error?.err_code === WRONG_LAST_SEQUENCE ? new RevisionConflict(why) : new Unanswered(why, true);
}

function entryOf(key: string, { message, error }: Answer): StoredEntry | undefined {
  if (message) return { key, revision: message.seq, text: textOf(message.data) };
  if (error?.err_code === NO_MESSAGE_FOUND) return undefined;
  throw new Unanswered(error?.description ?? 'an answer without a message', true);
}

const textOf = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString('utf8');
