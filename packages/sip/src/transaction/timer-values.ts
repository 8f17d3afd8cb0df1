/** Milliseconds; RFC 3261 table 4. The timers A to M are made of these. */
export interface TimerValues {
  /** Estimate of the round-trip time. */
  t1: number;
  /** Longest interval between retransmissions of non-INVITE requests and of final answers to INVITE. */
  t2: number;
  /** How long a message may stay in the network. */
  t4: number;
  /** An INVITE without an answer from the transaction user for so long gets 100 (17.2.1). */
  trying: number;
  /** Shortest timer D on unreliable transports (17.1.1.2). */
  d: number;
}

export const defaultTimerValues: TimerValues = { t1: 500, t2: 4000, t4: 5000, trying: 200, d: 32_000 };
