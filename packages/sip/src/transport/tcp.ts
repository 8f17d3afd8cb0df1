import type { Listener, ListenerOptions } from './listener.ts';

export async function createTcpListener(options: ListenerOptions): Promise<Listener> {
  throw new Error(`tcp ${options.name} is not there yet`);
}
