import { hash, randomBytes } from 'node:crypto';
import { copyRandom } from '../message/random.ts';
import { isSameText } from './constant-time.ts';
import { createNonceCounts } from './nonce-counts.ts';

export type NonceState = 'ok' | 'stale' | 'forged' | 'replayed';

export interface NonceOptions {
  /** Secret that signs; servers with the same key take each other's nonces. Random unless told. */
  key?: Buffer;
  /** Seconds that a nonce is good for; 300 unless told. */
  lifetime?: number;
  /** How many nonces in use are remembered at most, half as many for sure; 200,000 unless told. */
  capacity?: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Nonces that are signed with their time of issue, so that a flood of challenges takes no memory (RFC 7616 5.4). */
export interface Nonces {
  /**
   * With `request`, what identifies a request, all its copies get the same nonce for a while: an answer without state is
   * then the same for each retransmission (RFC 3261 8.2.7).
   */
  issue(request?: string): string;
  /** What can be said without remembering that it was used; never 'replayed'. */
  examine(nonce: string): NonceState;
  /**
   * Uses up one count of a nonce. To be called when the response proved right: otherwise who knows no password could use up
   * the counts of who does. `nc` 0 is for clients without qop; their nonce is good for one request.
   */
  check(nonce: string, nc: number): NonceState;
}

const TIME_BYTES = 6;
const ID_BYTES = TIME_BYTES + 9;
// In the nonce's text: 15 bytes, and the first 18 of the signature.
const ID_LENGTH = 20;
const MAC_LENGTH = 24;
// The first three copies of a request come within 3.5 s. Short against the time until counts are forgotten: nonces as old as
// those are stale, and must not be what is being issued. In ms.
const SAME_FOR = 4000;
// Between servers that share a key, clocks may be this far apart (ms).
const CLOCK_SKEW = 30_000;

export function createNonces(options: NonceOptions = {}): Nonces {
  const { key = randomBytes(32), lifetime = 300, capacity = 200_000, now = Date.now } = options;
  const counts = createNonceCounts(capacity, lifetime * 1000);

  // The key and behind it the id at hand: one piece of memory for all, since each request would allocate several otherwise.
  const signed = Buffer.concat([key, Buffer.alloc(ID_BYTES)]);
  const id = signed.subarray(key.length);
  // The nonce whose id that is: it is examined before the password, and used up right after.
  let opened: string | undefined;

  // SHA-512/256 cannot be continued from its result, so that a key in front makes a MAC of it: HMAC in a third of the time.
  const sign = () => hash('sha512-256', signed, 'base64url').slice(0, MAC_LENGTH);

  function issue(request?: string): string {
    opened = undefined;
    const step = request === undefined ? 1 : SAME_FOR;
    id.writeUIntBE(Math.floor(now() / step) * step, 0, TIME_BYTES);
    if (request === undefined) copyRandom(id, TIME_BYTES, ID_BYTES - TIME_BYTES);
    else id.write(hash('sha512-256', request, 'base64url'), TIME_BYTES, 'base64url');
    return id.toString('base64url') + sign();
  }

  /** Reads the nonce into `id` and tells whether the signature is ours. */
  function open(nonce: string): boolean {
    if (nonce === opened) return true;
    opened = undefined;
    if (nonce.length !== ID_LENGTH + MAC_LENGTH) return false;
    if (id.write(nonce.slice(0, ID_LENGTH), 'base64url') !== ID_BYTES) return false;
    if (isSameText(nonce.slice(ID_LENGTH), sign())) opened = nonce;
    return opened === nonce;
  }

  function examine(nonce: string): NonceState {
    if (!open(nonce)) return 'forged';
    const milliseconds = now() - issuedAt();
    return milliseconds > lifetime * 1000 || milliseconds < -CLOCK_SKEW ? 'stale' : 'ok';
  }

  function check(nonce: string, nc: number): NonceState {
    const state = examine(nonce);
    if (state !== 'ok') return state;
    // Not a part of the nonce as key: that is a part of the message's text and would keep all of it in memory.
    return counts.use(id.toString('latin1'), issuedAt(), nc, now());
  }

  const issuedAt = () => id.readUIntBE(0, TIME_BYTES);

  return { issue, check, examine };
}
