import type { NatsLink } from '@linchpin/host';
import { OWNER_KEY, type OwnerRecord } from '@linchpin/proto/subjects';
import { DeliverPolicy, type JsMsg, jetstream, StorageType } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { INBOX, type Requests, Unanswered } from './requests.ts';

/** The stream's last sequence is another one than the writer expected: nothing was written. */
export class SequenceConflict extends Error {
  override readonly name = 'SequenceConflict';
}

export interface StreamState {
  /** Tells this stream from another that had its name. */
  created: string;
  last: number;
  messages: number;
}

export interface StreamEntry {
  key: string;
  /** Empty: deleted. */
  text: string;
  sequence: number;
}

export interface StoredOwner {
  record: OwnerRecord;
  sequence: number;
}

/** Entries in the order of their sequences: first the last one of each key, then what is written. */
export interface EntryFeed {
  /** How many entries there were when it began. */
  readonly count: number;
  /** Resolves when nothing comes any more. */
  readonly ended: Promise<unknown>;
  stop(): void;
}

export type OnEntry = (entry: StreamEntry, /** How many are ready to follow. */ pending: number) => void;

/** What all replicas of a routing group share: a KV bucket (NATS ADR-8), written to only at its end. */
export interface GroupStream {
  /** undefined: there is none. All reject with Unanswered where nothing else is said. */
  info(): Promise<StreamState | undefined>;
  create(): Promise<void>;
  owner(): Promise<StoredOwner | undefined>;
  /** Resolves with the new sequence, `last` + 1, once stored; rejects with SequenceConflict or Unanswered. */
  append(key: string, text: string, last: number): Promise<number>;
  /** Forgets the mark of a deletion, which was the entry of this sequence; harms no later entry of the key. */
  dropMark(key: string, sequence: number): Promise<void>;
  /** All that there is, or what follows `after`. */
  feed(after: number, onEntry: OnEntry): Promise<EntryFeed>;
}

interface Answer {
  seq?: number;
  created?: string;
  state?: { last_seq: number; messages: number };
  message?: { seq: number; data?: string };
  error?: { err_code?: number; description?: string };
}

const EXPECTED = 'Nats-Expected-Last-Sequence';
const WRONG_LAST_SEQUENCE = 10071;
const NO_MESSAGE_FOUND = 10037;
const STREAM_NOT_FOUND = 10059;
const TIMEOUT_MS = 2000;

export function createGroupStream(
  nats: NatsLink,
  requests: Requests,
  bucket: string,
  replicas: number,
): GroupStream {
  const stream = `KV_${bucket}`;
  const subject = (key: string) => `$KV.${bucket}.${key}`;
  const ask = async (verb: string, payload: object = {}): Promise<Answer> => {
    const request = { subject: `$JS.API.STREAM.${verb}.${stream}`, payload: JSON.stringify(payload) };
    return answerOf(await requests.send(request, TIMEOUT_MS));
  };

  return {
    async info() {
      const { created, state, error } = await ask('INFO');
      if (error?.err_code === STREAM_NOT_FOUND) return undefined;
      if (created === undefined || state === undefined) throw unexpected(error);
      return { created, last: state.last_seq, messages: state.messages };
    },
    async create() {
      const buckets = new Kvm(await nats.connection());
      await buckets.create(bucket, { history: 1, storage: StorageType.File, replicas });
    },
    async owner() {
      const { message, error } = await ask('MSG.GET', { last_by_subj: subject(OWNER_KEY) });
      if (message) return { record: JSON.parse(textOf(message.data)), sequence: message.seq };
      if (error?.err_code === NO_MESSAGE_FOUND || error?.err_code === STREAM_NOT_FOUND) return undefined;
      throw unexpected(error);
    },
    async append(key, text, last) {
      const headers: [string, string][] = [[EXPECTED, String(last)]];
      if (text === '') headers.push(['KV-Operation', 'DEL']);
      const request = { subject: subject(key), payload: text, headers };
      return sequenceOf(answerOf(await requests.send(request, TIMEOUT_MS)));
    },
    async dropMark(key, sequence) {
      // Of this key nothing that is newer; and not later, when the stream may be another one that counts from 1 again.
      const payload = JSON.stringify({ filter: subject(key), seq: sequence + 1 });
      const request = { subject: `$JS.API.STREAM.PURGE.${stream}`, payload, onlyNow: true };
      answerOf(await requests.send(request, TIMEOUT_MS));
    },
    async feed(after, onEntry) {
      const prefix = subject('');
      return feedOf(await nats.connection(), stream, after, (message) => {
        const isDeleted = message.headers?.has('KV-Operation');
        const key = message.subject.slice(prefix.length);
        onEntry(
          { key, text: isDeleted ? '' : message.string(), sequence: message.seq },
          message.info.pending,
        );
      });
    },
  };
}

async function feedOf(
  connection: NatsConnection,
  stream: string,
  after: number,
  callback: (message: JsMsg) => void,
): Promise<EntryFeed> {
  const consumer = await jetstream(connection).consumers.getPushConsumer(stream, {
    deliver_prefix: createInbox(INBOX),
    // The stream keeps one entry of each key, so all are the last ones; asked for these, the server takes twice as long.
    ...(after > 0 ? { opt_start_seq: after + 1 } : { deliver_policy: DeliverPolicy.All }),
  });
  const { num_pending: count } = await consumer.info(true);
  const messages = await consumer.consume({ callback });
  // The server would keep it for minutes, and look at it with each write.
  const remove = () => void consumer.delete().catch(() => {});
  return {
    count,
    ended: messages.closed(),
    stop() {
      messages.stop();
      if (!connection.isClosed()) remove();
    },
  };
}

function answerOf(message: Msg): Answer {
  // No responders: status 503 without a body, where no JetStream leader is there.
  if (message.data.length === 0) throw new Unanswered('no JetStream server is there', false);
  return message.json<Answer>();
}

function sequenceOf({ seq, error }: Answer): number {
  if (error?.err_code === WRONG_LAST_SEQUENCE) throw new SequenceConflict(error.description);
  if (seq === undefined || error) throw unexpected(error);
  return seq;
}

const unexpected = (error: Answer['error']): Unanswered =>
  new Unanswered(error?.description ?? 'an answer that is none', true);

const textOf = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString('utf8');
