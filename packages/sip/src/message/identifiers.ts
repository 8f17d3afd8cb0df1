import { randomHex } from './random.ts';

// RFC 3261 19.3: at least 32 bits of cryptographic randomness.
export function newTag(): string {
  return randomHex(8);
}

/** RFC 3261 8.1.1.7: the cookie marks a branch that is unique over space and time. */
export function newBranch(): string {
  return `z9hG4bK${randomHex(12)}`;
}

export function newCallId(): string {
  return randomHex(16);
}
