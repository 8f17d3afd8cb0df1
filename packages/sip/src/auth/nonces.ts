import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { copyRandom } from '../message/random.ts';
import { createNonceCounts } from './nonce-counts.ts';

export type NonceState = 'ok' | 'stale' | 'forged' | 'replayed';

export interface NonceOptions {
  /** Secret that signs; servers with the same key take each other's nonces. Random unless told. */
  key?: Buffer;
  /** Seconds that a nonce is good for; 300 unless told. */
  lifetime?: number;
  /** How many nonces in use are remembered; 100,000 unless told. */
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
const MAC_BYTES = 18;
const TEXT_LENGTH = ((ID_BYTES + MAC_BYTES) / 3) * 4;
// The first three copies of a request come within 3.5 s. Short against the time until counts are forgotten: nonces as old as
// those are stale, and must not be what is being issued. In ms.
const SAME_FOR = 4000;
// Between servers that share a key, clocks may be this far apart (ms).
const CLOCK_SKEW = 30_000;

export function createNonces(options: NonceOptions = {}): Nonces {
  const { key = randomBytes(32), lifetime = 300, capacity = 100_000, now = Date.now } = options;
  const counts = createNonceCounts(capacity, lifetime * 1000);

  // SHA-512/256 cannot be continued from its result, so that a key in front makes a MAC of it: HMAC in a third of the time.
  const sign = (id: Buffer) => hash('sha512-256', Buffer.concat([key, id]), 'buffer').subarray(0, MAC_BYTES);

  function issue(request?: string): string {
    const id = Buffer.allocUnsafe(ID_BYTES);
    const step = request === undefined ? 1 : SAME_FOR;
    id.writeUIntBE(Math.floor(now() / step) * step, 0, TIME_BYTES);
    if (request === undefined) copyRandom(id, TIME_BYTES, ID_BYTES - TIME_BYTES);
    else hash('sha512-256', request, 'buffer').copy(id, TIME_BYTES);
    return Buffer.concat([id, sign(id)]).toString('base64url');
  }

  // The nonce's bytes when the signature is ours.
  function open(nonce: string): Buffer | undefined {
    if (nonce.length !== TEXT_LENGTH) return undefined;
    const bytes = Buffer.from(nonce, 'base64url');
    if (bytes.length !== ID_BYTES + MAC_BYTES) return undefined;
    return timingSafeEqual(bytes.subarray(ID_BYTES), sign(bytes.subarray(0, ID_BYTES))) ? bytes : undefined;
  }

  function age(bytes: Buffer | undefined): NonceState {
    if (bytes === undefined) return 'forged';
    const milliseconds = now() - issuedAt(bytes);
    return milliseconds > lifetime * 1000 || milliseconds < -CLOCK_SKEW ? 'stale' : 'ok';
  }

  function check(nonce: string, nc: number): NonceState {
    const bytes = open(nonce);
    const state = age(bytes);
    if (bytes === undefined || state !== 'ok') return state;
    // The bytes as key: the text is a part of the message's text and would keep all of it in memory.
    return counts.use(bytes.toString('latin1', 0, ID_BYTES), issuedAt(bytes), nc, now());
  }

  return { issue, check, examine: (nonce) => age(open(nonce)) };
}

function issuedAt(bytes: Buffer): number {
  return bytes.readUIntBE(0, TIME_BYTES);
}
