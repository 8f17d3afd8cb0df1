// What gets compliance events out of the store, each kind into its own folder or wherever an own adapter brings them.
import type { EventRow } from '../store-rows.ts';

/** Events of one room or category that follow on each other. */
export interface AdapterBatch {
  /** `<scope>/<first>-<last>`: the same when the same events come once more. */
  id: string;
  scope: string;
  /** Of the room or category, as it is now. */
  name: string;
  /** The hash that the first event follows. */
  previous: Buffer;
  /** One at least; a thousand at most. */
  events: readonly EventRow[];
}

export interface ComplianceAdapter {
  readonly name: string;
  /**
   * Resolves when the batch is kept for good. Where it rejects, or the pod ends before it has resolved, the same batch comes again:
   * what was written already has to be told by its `id`. One pod at a time calls it, one batch after the other.
   */
  write(batch: AdapterBatch): Promise<void>;
}

/** `events` of these names lie beside each other in a folder in the order of their numbers. */
export function fileName({ scope, events }: AdapterBatch, extension: string): string {
  const number = (seq: number | undefined) => String(seq ?? 0).padStart(12, '0');
  return `${scope}_${number(events[0]?.seq)}-${number(events.at(-1)?.seq)}.${extension}`;
}

export const lastOf = ({ events }: AdapterBatch): EventRow => {
  const last = events.at(-1);
  if (last === undefined) throw new Error('a batch has one event at least');
  return last;
};
