import type { TransportName } from '@linchpin/sip';

/** One registered contact of a user (RFC 3261 10.3), as kept in the store. */
export interface Binding {
  /** The Contact URI as the endpoint wrote it, without angle brackets. */
  contact: string;
  /** +sip.instance without quotes and angle brackets (RFC 5626 4.1). */
  instance?: string;
  regId?: number;
  callId: string;
  cseq: number;
  flowId: string;
  transport: TransportName;
  /** `host:port` that the REGISTER came from. */
  received: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  userAgent?: string;
  /** Path URIs, topmost first (RFC 3327). */
  path: string[];
  q: number;
}
