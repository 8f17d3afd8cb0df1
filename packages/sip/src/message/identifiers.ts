import { randomBytes } from 'node:crypto';

// RFC 3261 19.3: at least 32 bits of cryptographic randomness.
export function newTag(): string {
  return randomBytes(8).toString('hex');
}

/** RFC 3261 8.1.1.7: the cookie marks a branch that is unique over space and time. */
export function newBranch(): string {
  return `z9hG4bK${randomBytes(12).toString('hex')}`;
}

export function newCallId(): string {
  return randomBytes(16).toString('hex');
}
