import type { ConnectionOptions } from 'node:tls';
import { hostPort } from './address.ts';
import type { Address, Flow } from './flow.ts';
import { createFlowSet } from './flow-set.ts';
import { completeLimits, type SomeTransportLimits } from './limits.ts';
import type { FlowEvents } from './listener.ts';
import { type Destination, openSocket } from './outgoing-socket.ts';
import { createReceiver } from './receiver.ts';
import { StreamFlow } from './stream-flow.ts';

export interface ConnectorOptions extends FlowEvents {
  transport: 'tcp' | 'tls';
  /** `host[:port]` for Via; without it the local address of each connection. */
  sentBy?: string;
  tls?: ConnectionOptions;
  limits?: SomeTransportLimits;
  /** As in ListenerOptions. */
  idPrefix?: string;
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
  const { transport, sentBy, idPrefix = '' } = options;
  const limits = completeLimits(options.limits);
  const receiver = createReceiver(options, limits.message);
  const settings = { limits, receiver, sentBy, idPrefix, outgoing: true };
  const flows = createFlowSet(limits);
  const open = new Map<string, Promise<Flow>>();
  const closing = new AbortController();
  const opening = {
    tls: transport === 'tls' ? { ...options.tls } : undefined,
    milliseconds: limits.halfOpenSeconds * 1000,
    signal: closing.signal,
  };

  function connect(destination: Destination): Promise<Flow> {
    return openSocket(destination, opening, (socket) => {
      const flow = new StreamFlow(transport, socket, settings);
      flows.add(flow);
      options.onFlow?.(flow);
      return flow;
    });
  }

  return {
    async connect(remote, serverName) {
      if (closing.signal.aborted) throw new Error('connector closed');
      const key = `${hostPort(remote)} ${serverName}`;
      const known = open.get(key);
      if (known !== undefined) return known;
      const flow = connect({ remote, serverName });
      open.set(key, flow);
      const forget = () => void open.delete(key);
      flow.then((connected) => connected.onClose(forget), forget);
      return flow;
    },
    flows: () => flows,
    async close() {
      closing.abort();
      flows.close('connector closed');
    },
  };
}
