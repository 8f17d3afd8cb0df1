import { ChatError } from '../chat.ts';

const RETRY_AFTER_SECONDS = 10;

/** What is said where a category requires compliance and cannot be sure of it: posts, and all that is done to them. */
export const withoutCompliance = (): ChatError =>
  new ChatError(
    'unavailable',
    'nothing is posted or changed here while it cannot be kept for compliance',
    RETRY_AFTER_SECONDS,
  );
