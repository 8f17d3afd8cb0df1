import type { ConnectionOptions } from 'node:tls';
import type { Address, Flow } from './flow.ts';
import type { TransportLimits } from './limits.ts';
import type { FlowEvents } from './listener.ts';

export interface ConnectorOptions extends FlowEvents {
  transport: 'tcp' | 'tls';
  /** `host[:port]` for Via; without it the local address of each connection. */
  sentBy?: string;
  tls?: ConnectionOptions;
  limits?: Partial<TransportLimits>;
}

export interface Connector {
  /**
   * An open connection to that address is used again (RFC 3261 18.1.1). Rejects when there is none within halfOpenSeconds.
   * `serverName` is what a TLS certificate has to be for; without it `address`.
   */
  connect(remote: Address, serverName?: string): Promise<Flow>;
  flows(): Iterable<Flow>;
  close(): Promise<void>;
}

export function createConnector(options: ConnectorOptions): Connector {
  throw new Error(`${options.transport} connector is not there yet`);
}
