export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

export interface Address {
  address: string;
  port: number;
}

/**
 * Where a message came from and the way back to there: a connection, or for UDP a pair of addresses (RFC 5626 2).
 * Everything above the transports knows peers only as flows; a client behind another pod is one as well.
 */
export interface Flow {
  /** Unique among all flows that this process has ever seen. */
  readonly id: string;
  readonly transport: TransportName;
  /** True when the transport retransmits by itself (everything but UDP). */
  readonly reliable: boolean;
  readonly remote: Address;
  readonly local: Address;
  /** `host:port` that this side writes into Record-Route, Contact and Via for the peer to come back to. */
  readonly sentBy: string;
  /** `host:port` for the Via of requests where that is another: by it whoever gets a response knows whose it is. */
  readonly via?: string;
  /** The address of record that the peer proved to be on this flow; empty before that, and always for UDP. */
  identity: string;
  readonly closed: boolean;
  /** False when the flow is closed or its peer reads too slowly to take more. Never throws. */
  send(bytes: Uint8Array): boolean;
  close(reason: string): void;
  /** Called once, also when the flow is closed already. Returns how to take the listener off again. */
  onClose(listener: (reason: string) => void): () => void;
}
