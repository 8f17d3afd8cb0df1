// Lists in parts: so many, from behind what was the last one of the part before.
import { ChatError, type Page } from './chat.ts';
import { keyOf } from './fields.ts';

export const MAX_PAGE = 10_000;
const MAX_AFTER = 1_024;

/** Throws `invalid`. `of`: what the list goes on behind. */
export function checkPage({ limit, after }: Page, of: 'id' | 'text'): void {
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE))
    throw new ChatError('invalid', `limit: must be a whole number from 1 to ${MAX_PAGE}`);
  if (after === undefined) return;
  const isText = typeof after === 'string' && after.length <= MAX_AFTER && !after.includes('\0');
  if (!isText || (of === 'id' && !('id' in keyOf(after))))
    throw new ChatError('invalid', 'after: must be what a page before ended with');
}
