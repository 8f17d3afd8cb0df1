import { createServer, type SecureContextOptions } from 'node:tls';
import { openConnectionListener } from './connection-listener.ts';
import type { Listener, TlsListenerOptions } from './listener.ts';
import { StreamFlow } from './stream-flow.ts';

// RFC 8996 ended 1.0 and 1.1.
export const oldestTls = { minVersion: 'TLSv1.2' } as const satisfies SecureContextOptions;

export function createTlsListener(options: TlsListenerOptions): Promise<Listener> {
  return openConnectionListener('tls', options, (settings, ready) => {
    // It does not listen by itself: connections are counted before they cost a handshake.
    const server = createServer({
      ...oldestTls,
      ...options.tls,
      handshakeTimeout: settings.limits.halfOpenSeconds * 1000,
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('secureConnection', (socket) => {
      socket.disableRenegotiation();
      ready(new StreamFlow('tls', socket, settings));
    });
    return {
      take: (socket) => server.emit('connection', socket),
      setTls: (context) => server.setSecureContext({ ...oldestTls, ...context }),
    };
  });
}
