import type { ConnectionFlow, ConnectionSettings } from './connection-flow.ts';
import type { TransportName } from './flow.ts';
import { createFlowSet } from './flow-set.ts';
import { completeLimits } from './limits.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import { createReceiver } from './receiver.ts';
import { openSocketServer, type TakeSocket } from './socket-server.ts';

/** What a transport makes of the sockets that come in. */
export interface Upgrade {
  /** Gets a TCP connection; calls `ready` with the flow once its handshakes are done. */
  take: TakeSocket;
  setTls?: Listener['setTls'];
}

export type MakeUpgrade = (settings: ConnectionSettings, ready: (flow: ConnectionFlow) => void) => Upgrade;

/** A listener for any transport over TCP. */
export async function openConnectionListener(
  transport: TransportName,
  options: ListenerOptions,
  makeUpgrade: MakeUpgrade,
): Promise<Listener> {
  const limits = completeLimits(options.limits);
  const receiver = createReceiver(options, limits.message);
  const flows = createFlowSet(limits);
  const settings = {
    limits,
    receiver,
    sentBy: options.sentBy,
    idPrefix: options.idPrefix ?? '',
    outgoing: false,
  };
  const upgrade = makeUpgrade(settings, (flow) => {
    server.established(flow.remote);
    flows.add(flow);
    if (!flow.closed) options.onFlow?.(flow);
  });
  const server = await openSocketServer(options, limits, upgrade.take);
  return {
    name: options.name,
    transport,
    address: server.address,
    port: server.port,
    flows: () => flows,
    stopListening: server.stopListening,
    async close() {
      flows.close('listener closed');
      await server.close();
    },
    setLimits: (changed) => void Object.assign(limits, changed),
    ...(upgrade.setTls && { setTls: upgrade.setTls }),
  };
}
