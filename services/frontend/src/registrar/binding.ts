import type { TransportName } from '@linchpin/sip';

/** One registered contact of a user (RFC 3261 10.3), as kept in the store. */
export interface Binding {
  /** The Contact URI as the endpoint wrote it, without angle brackets. */
  contact: string;
  /** The other Contact parameters as they go back in answers, `;+sip.instance="<urn:…>";reg-id=1`; without expires. */
  params?: string | undefined;
  /** +sip.instance without quotes and angle brackets (RFC 5626 4.1). */
  instance?: string | undefined;
  /** Only where the outbound extension was used (RFC 5626 6). */
  regId?: number | undefined;
  callId: string;
  cseq: number;
  flowId: string;
  transport: TransportName;
  /** `host:port` that the REGISTER came from. */
  received: string;
  /** `host:port` by which the endpoint knows this side of the flow, for Record-Route. */
  sentBy?: string | undefined;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  userAgent?: string | undefined;
  /** Path values, topmost first (RFC 3327). */
  path: string[];
  q: number;
}
