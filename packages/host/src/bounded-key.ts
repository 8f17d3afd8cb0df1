import { createHash } from 'node:crypto';

/** Characters; what clients of today make takes less. */
const LONGEST = 200;

/** Clients choose what names their transactions and accounts, up to what fits into a message: of more than usual only the hash is kept. */
export const boundedKey = (key: string): string =>
  key.length <= LONGEST ? key : createHash('sha256').update(key).digest('base64url');
