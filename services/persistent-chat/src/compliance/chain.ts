// The chain of hashes that makes it show when an event is changed, taken out or put in.
import { createHash } from 'node:crypto';

/** What the first event of a scope follows. */
export const NO_HASH: Buffer = Buffer.alloc(32);

/** SHA-256 of the hash before it and the event as canonical JSON in UTF-8. */
export const link = (previous: Uint8Array, event: string): Buffer =>
  createHash('sha256').update(previous).update(event, 'utf8').digest();
