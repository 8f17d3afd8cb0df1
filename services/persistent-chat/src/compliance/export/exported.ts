import { ChatError } from '../../chat.ts';
import type { ChainRow, EventRow } from '../store-rows.ts';

/** An event that goes out, and the hash that it follows. */
export interface Exported extends EventRow {
  previous: Buffer;
}

/** Nothing goes out of a chain that is not whole. */
export const broken = ({ scope, name }: Pick<ChainRow, 'scope' | 'name'>, seq: number): ChatError =>
  new ChatError(
    'conflict',
    `the chain of ${name || scope} (${scope}) is not whole at ${seq}: verify it, or try again if retention is at work`,
  );
