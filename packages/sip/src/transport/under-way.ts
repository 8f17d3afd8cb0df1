/** Whoever sent a request other than INVITE has an answer within this time as a rule, or never. */
const QUIET_MS = 1_000;
/** RFC 3261 16.6: timer C ends an INVITE that nobody answers. */
const LONGEST_INVITE_MS = 180_000;

/** Whether a client waits for an answer on its connection, or is waited for: then a drain leaves it alone. */
export interface UnderWay {
  /** A message went by, in either direction. */
  passed(now: number): void;
  inviteBegan(now: number): void;
  /** An INVITE got its final answer. */
  inviteEnded(): void;
  /** Whether INVITEs are open at all: else nobody need look what an answer is about. */
  readonly ringing: boolean;
  busy(now: number): boolean;
}

/** Edge keeps no transactions, it counts: over connections nothing is sent twice. */
export function createUnderWay(now: number): UnderWay {
  let passedAt = now;
  let invites = 0;
  let invitedAt = 0;
  return {
    passed(now) {
      passedAt = now;
    },
    inviteBegan(now) {
      invites++;
      invitedAt = now;
    },
    inviteEnded() {
      if (invites > 0) invites--;
    },
    get ringing() {
      return invites > 0;
    },
    busy: (now) => now - passedAt < QUIET_MS || (invites > 0 && now - invitedAt < LONGEST_INVITE_MS),
  };
}

const RESPONSE = Buffer.from('SIP/2.0 ');
const INVITE = Buffer.from('INVITE ');
const startsWith = (message: Uint8Array, start: Buffer): boolean =>
  message.length >= start.length && start.compare(message, 0, start.length) === 0;

/** Takes note of a message to the client, which Edge does not parse otherwise. */
export function noteOutward(underWay: UnderWay, message: Buffer, now: number): void {
  underWay.passed(now);
  if (startsWith(message, INVITE)) underWay.inviteBegan(now);
  else if (underWay.ringing && isFinalToInvite(message)) underWay.inviteEnded();
}

function isFinalToInvite(message: Buffer): boolean {
  if (!startsWith(message, RESPONSE) || (message[RESPONSE.length] as number) < 0x32 /* 2xx */) return false;
  const head = message.toString('latin1', 0, message.indexOf('\r\n\r\n'));
  return /^CSeq\s*:\s*\d+\s+INVITE\s*$/im.test(head);
}
