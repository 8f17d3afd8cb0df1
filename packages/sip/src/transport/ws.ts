import type { Listener, WsListenerOptions } from './listener.ts';

export async function createWsListener(options: WsListenerOptions): Promise<Listener> {
  throw new Error(`ws ${options.name} is not there yet`);
}
