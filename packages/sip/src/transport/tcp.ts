import { openConnectionListener } from './connection-listener.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import { StreamFlow } from './stream-flow.ts';

export function createTcpListener(options: ListenerOptions): Promise<Listener> {
  return openConnectionListener('tcp', options, (settings, ready) => ({
    take: (socket) => ready(new StreamFlow('tcp', socket, settings)),
  }));
}
