import type { Listener, TlsListenerOptions } from './listener.ts';

export async function createTlsListener(options: TlsListenerOptions): Promise<Listener> {
  throw new Error(`tls ${options.name} is not there yet`);
}
