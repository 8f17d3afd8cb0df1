import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can stop passing bytes without closing, as a dead node or a dropped route does. */
export interface Gate {
  port: number;
  freeze(): void;
  close(): void;
}

export async function createGate(target: () => number): Promise<Gate> {
  const sockets = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = connect(target(), '127.0.0.1');
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    inner.pipe(outer).pipe(inner);
    inner.on('close', () => outer.destroy());
    outer.on('close', () => inner.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
