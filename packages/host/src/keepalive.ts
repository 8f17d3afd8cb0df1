import type { ChannelOptions } from '@grpc/grpc-js';

const ASK_MS = 2_000;
const ANSWER_MS = 3_000;

/** Both ends of a stream hold state for the other: one that has died without a word is found within five seconds. */
export const keepalive = (askMs = ASK_MS): ChannelOptions => ({
  'grpc.keepalive_time_ms': askMs,
  'grpc.keepalive_timeout_ms': Math.min(ANSWER_MS, askMs * 2),
});
