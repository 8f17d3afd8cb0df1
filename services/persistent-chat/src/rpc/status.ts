import { status } from '@grpc/grpc-js';
import { ChatError, type ChatErrorCode } from '../chat.ts';

const CODES: Record<ChatErrorCode, status> = {
  invalid: status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  forbidden: status.PERMISSION_DENIED,
  conflict: status.ALREADY_EXISTS,
  'too-large': status.RESOURCE_EXHAUSTED,
  limit: status.RESOURCE_EXHAUSTED,
  full: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
};

/** What a gRPC caller gets for a ChatError; anything else is a defect, which the host logs and hides. */
export const statusOf = (error: unknown): unknown =>
  error instanceof ChatError ? { code: CODES[error.code], details: error.message } : error;
