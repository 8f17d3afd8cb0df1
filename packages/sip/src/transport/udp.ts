import type { Listener, ListenerOptions } from './listener.ts';

export async function createUdpListener(options: ListenerOptions): Promise<Listener> {
  throw new Error(`udp ${options.name} is not there yet`);
}
