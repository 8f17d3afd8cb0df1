// A bucket that takes writes of one pod only: each one names the sequence that it follows. Whoever has lost its lock without
// knowing it has a stale view of the stream, and can append nothing at all.
import type { JetStreamClient } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import { headers } from '@nats-io/transport-node';

export interface FencedBucket {
  readonly kv: KV;
  /** Begins here: what was read of the bucket is as of this sequence. */
  follow(sequence: number): void;
  put(key: string, value: string): Promise<void>;
  purge(key: string): Promise<void>;
}

export function createFencedBucket(js: JetStreamClient, kv: KV, bucket: string): FencedBucket {
  let last = 0;

  // Many may be under way: they are stored in the order in which they leave, and when one fails so does what follows it.
  async function append(key: string, value: string, operation?: [string, string][]): Promise<void> {
    const expect = { lastSequence: last++ };
    const fields = headers();
    for (const [name, text] of operation ?? []) fields.set(name, text);
    await js.publish(`$KV.${bucket}.${key}`, value, { expect, headers: fields });
  }

  return {
    kv,
    follow(sequence) {
      last = sequence;
    },
    put: (key, value) => append(key, value),
    purge: (key) =>
      append(key, '', [
        ['KV-Operation', 'PURGE'],
        ['Nats-Rollup', 'sub'],
      ]),
  };
}
