// A batch of messages goes into the store, however often that has to be tried; one that never can is put aside.
import { createHash } from 'node:crypto';
import type { Logger } from '@linchpin/host';
import type { Database } from '../../database/database.ts';
import { type Arrival, EventError, parseEvents } from '../event.ts';
import type { ComplianceTelemetry } from '../telemetry.ts';
import { insertRefused } from './sql.ts';
import { type Stored, store } from './store.ts';

/** A message of the queue; JetStream's, as far as it is needed here. */
export interface Delivery {
  subject: string;
  data: Uint8Array;
  /** It is stored and may go from the queue. */
  ack(): void;
  /** It was not stored; the queue gives it to somebody again. */
  nak(): void;
}

export interface BatchParts {
  database: Database;
  telemetry: ComplianceTelemetry;
  log: Logger;
}

interface Refusal {
  subject: string;
  payload: Uint8Array;
  why: string;
}

/** Resolves when all is in the store or put aside; rejects when that cannot be done now, then nothing of it is lost. */
export async function storeBatch(parts: BatchParts, deliveries: readonly Delivery[]): Promise<void> {
  const arrivals: Arrival[] = [];
  const refusals: Refusal[] = [];
  for (const delivery of deliveries) {
    const parsed = parse(delivery);
    if ('why' in parsed) refusals.push(parsed);
    else arrivals.push(...parsed.arrivals);
  }
  try {
    await commit(parts, arrivals, refusals);
  } catch (error) {
    if (!isOfData(error)) throw error;
    await storeSmaller(parts, deliveries, error as Error);
  }
}

async function commit(parts: BatchParts, arrivals: Arrival[], refusals: Refusal[]): Promise<void> {
  const end = parts.telemetry.storeSeconds.startTimer();
  const result = await parts.database.transaction(async (client) => {
    const stored = await store(client, arrivals);
    for (const refusal of [...refusals, ...stored.conflicts.map(conflict)])
      await insertRefused(client, { ...refusal, digest: digestOf(refusal) });
    return stored;
  });
  end();
  tell(parts, result, refusals);
}

// Something in it no transaction can store. The half without it can be, and in the end that message is alone.
async function storeSmaller(parts: BatchParts, deliveries: readonly Delivery[], error: Error): Promise<void> {
  const [first] = deliveries;
  if (first === undefined) throw error;
  if (deliveries.length === 1)
    return commit(parts, [], [refusal(first, `the store does not take it: ${error.message}`)]);
  const half = deliveries.length >> 1;
  await storeBatch(parts, deliveries.slice(0, half));
  await storeBatch(parts, deliveries.slice(half));
}

function parse(delivery: Delivery): { arrivals: Arrival[] } | Refusal {
  try {
    const scope = delivery.subject.slice(delivery.subject.lastIndexOf('.') + 1);
    return { arrivals: parseEvents(delivery.data, scope) };
  } catch (error) {
    if (!(error instanceof EventError)) throw error;
    return refusal(delivery, error.message);
  }
}

const refusal = ({ subject, data }: Delivery, why: string): Refusal => ({ subject, payload: data, why });

const conflict = ({ scope, seq, text }: Arrival): Refusal => ({
  subject: `${scope}/${seq}`,
  payload: Buffer.from(text),
  why: 'another event has this number, or the one that had it is gone',
});

const digestOf = ({ subject, payload }: Refusal): Buffer =>
  createHash('sha256').update(subject).update('\n').update(payload).digest();

function tell({ telemetry, log }: BatchParts, result: Stored, refusals: readonly Refusal[]): void {
  const count = (name: string, by: number): void => telemetry.events.inc({ result: name }, by);
  count('stored', result.stored);
  count('double', result.doubles);
  count('early', result.early);
  count('refused', refusals.length);
  count('conflict', result.conflicts.length);
  for (const { subject, why } of refusals)
    log.error({ subject, why }, 'a message in the compliance queue is no array of events: kept in `refused`');
  for (const { scope, seq } of result.conflicts)
    log.error({ scope, seq }, 'the compliance store has something else under this number: kept in `refused`');
}

// Classes 22 (data), 23 (constraint) and 54 (limits) of PostgreSQL's error codes: no repetition helps.
const isOfData = (error: unknown): boolean =>
  /^(22|23|54)/.test(String((error as { code?: string } | undefined)?.code ?? ''));
