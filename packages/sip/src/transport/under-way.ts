import { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';

/** Whoever sent a request other than INVITE has an answer within this time as a rule, or never. */
const QUIET_MS = 1_000;
/** RFC 3261 16.6: timer C ends an INVITE that nobody answers. */
const LONGEST_INVITE_MS = 180_000;

/**
 * Whether a client waits for an answer on its connection, or is waited for, where the transactions are elsewhere and this side only
 * passes messages on. It counts: over a connection nothing is sent twice. All times are in milliseconds.
 */
export interface UnderWay {
  /** A message went by, in either direction. */
  passed(message: SipRequest | SipResponse, now: number): void;
  /** The same for one that was not parsed. */
  passedBytes(message: Buffer, now: number): void;
  busy(now: number): boolean;
}

export function createUnderWay(now: number): UnderWay {
  let passedAt = now;
  let invites = 0;
  let invitedAt = 0;

  function began(): void {
    invites++;
    invitedAt = passedAt;
  }

  return {
    passed(message, now) {
      passedAt = now;
      if (message instanceof SipRequest) {
        if (message.method === 'INVITE') began();
      } else if (invites > 0 && message.status >= 200 && message.cseq.method === 'INVITE') invites--;
    },
    passedBytes(message, now) {
      passedAt = now;
      if (startsWith(message, INVITE)) began();
      else if (invites > 0 && isFinalToInvite(message)) invites--;
    },
    busy: (now) => now - passedAt < QUIET_MS || (invites > 0 && now - invitedAt < LONGEST_INVITE_MS),
  };
}

const RESPONSE = Buffer.from('SIP/2.0 ');
const INVITE = Buffer.from('INVITE ');
const startsWith = (message: Buffer, start: Buffer): boolean =>
  message.length >= start.length && start.compare(message, 0, start.length) === 0;

function isFinalToInvite(message: Buffer): boolean {
  const isFinal = startsWith(message, RESPONSE) && (message[RESPONSE.length] ?? 0) >= '2'.charCodeAt(0);
  if (!isFinal) return false;
  const head = message.toString('latin1', 0, message.indexOf('\r\n\r\n'));
  return /^CSeq\s*:\s*\d+\s+INVITE\s*$/im.test(head);
}
