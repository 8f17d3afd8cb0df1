import { OWNER_KEY, type OwnerRecord } from '@linchpin/proto/subjects';
import { type GroupStream, SequenceConflict, type StoredOwner, type StreamState } from './group-stream.ts';

export interface Claim {
  owner: StoredOwner;
  /** Of the stream. */
  created: string;
  /** Nothing stood before it. */
  isFirst: boolean;
}

export interface ClaimParts {
  stream: Pick<GroupStream, 'info' | 'create' | 'owner' | 'append'>;
  self: Pick<OwnerRecord, 'pod' | 'incarnation'>;
  /** The highest that is known. */
  term(): number;
  isLeaseHeld(): boolean;
  mayClaimFrom(found: StoredOwner | undefined, state: StreamState): boolean;
  /** Before the claim is written. Resolves with whether the stream has to be filled after it. */
  prepare(found: StoredOwner | undefined, state: StreamState): Promise<boolean>;
}

const ATTEMPTS = 10;

/**
 * Puts the own name at the end of a group's stream, under the condition that nothing came in between. Resolves with undefined
 * when the group is another's. Rejects when NATS gives no answer: then the claim may stand there all the same, and the next
 * attempt finds it.
 */
export async function claimGroup(parts: ClaimParts): Promise<Claim | undefined> {
  const { stream, self, mayClaimFrom, prepare, isLeaseHeld } = parts;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const state = await stream.info();
    if (!state) {
      await stream.create();
      continue;
    }
    // In this order: a claim of somebody else that comes between the two makes the append fail. Of a stream that another pod is just
    // making nothing is read: nats-server 2.9 ends with a nil pointer then.
    const found = state.messages === 0 ? undefined : await stream.owner();
    if (!mayClaimFrom(found, state)) return undefined;
    // What an earlier attempt has left: an own claim that this process has heard of is older than its term.
    if (found && isOwn(found, self) && found.record.term > parts.term() && found.sequence === state.last)
      return { owner: found, created: state.created, isFirst: found.sequence === 1 };
    const filling = await prepare(found, state);
    if (!isLeaseHeld()) throw new Error('the lease of this pod has lapsed');
    const term = Math.max(parts.term(), found?.record.term ?? 0) + 1;
    const record: OwnerRecord = { ...self, term, ...(filling && { filling }) };
    const sequence = await appendAt(stream, record, state.last);
    if (sequence !== undefined)
      return { owner: { record, sequence }, created: state.created, isFirst: state.last === 0 };
  }
  throw new Error('others keep writing to this stream');
}

/** undefined: something came in between. */
async function appendAt(
  stream: Pick<GroupStream, 'append'>,
  record: OwnerRecord,
  last: number,
): Promise<number | undefined> {
  try {
    return await stream.append(OWNER_KEY, JSON.stringify(record), last);
  } catch (error) {
    if (error instanceof SequenceConflict) return undefined;
    throw error;
  }
}

export const isOwn = ({ record }: StoredOwner, self: Pick<OwnerRecord, 'pod' | 'incarnation'>): boolean =>
  record.pod === self.pod && record.incarnation === self.incarnation;
