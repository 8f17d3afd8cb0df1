import { type Problem, TopologyError } from '@linchpin/topology';

// The text travels in a gRPC trailer, for which HTTP/2 peers allow 8 KiB, percent-encoded.
const MAX_PROBLEMS = 10;
const MAX_LENGTH = 2_000;

/** All problems in one text, as many as fit. */
export function problemsToText(problems: readonly Problem[]): string {
  const { message } = TopologyError.of(problems.slice(0, MAX_PROBLEMS));
  const rest = problems.length - MAX_PROBLEMS;
  const text = message.length > MAX_LENGTH ? `${message.slice(0, MAX_LENGTH)}…` : message;
  return rest > 0 ? `${text}; and ${rest} more` : text;
}
