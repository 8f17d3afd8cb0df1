import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a TCP server that can be cut as a network is: nothing is closed, bytes just do not arrive any more. */
export interface Cuttable {
  readonly port: number;
  cut(): void;
  /** What was on its way arrives now, as TCP sends it again. */
  heal(): void;
  /** Ends the connections there are, as a router that was restarted does. */
  reset(): void;
  close(): void;
}

/** `target` is asked for at each connection. */
export async function createCuttable(target: () => number): Promise<Cuttable> {
  const pairs = new Set<[Socket, Socket]>();
  /** Connections that came while it was cut: accepted by the kernel, heard by nobody. */
  const waiting = new Set<Socket>();
  let isCut = false;

  function forward(inner: Socket): void {
    if (inner.destroyed) return;
    const outer = connect({ port: target(), host: '127.0.0.1', noDelay: true });
    const pair: [Socket, Socket] = [inner, outer];
    pairs.add(pair);
    for (const [from, to] of [pair, [outer, inner]] as const) {
      from.on('data', (bytes) => {
        // A reader that pauses takes what was read already: nothing of it passes a cut.
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => !isCut && from.resume());
      from.on('error', () => {});
      from.on('close', () => {
        to.destroySoon();
        pairs.delete(pair);
      });
    }
  }

  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    if (!isCut) return forward(socket);
    socket.pause();
    waiting.add(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = () => [...pairs].flat();

  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const socket of sockets()) socket.pause();
    },
    heal() {
      isCut = false;
      for (const socket of sockets()) socket.resume();
      for (const socket of waiting) {
        forward(socket);
        socket.resume();
      }
      waiting.clear();
    },
    reset() {
      for (const socket of sockets()) socket.destroy();
    },
    close() {
      server.close();
      for (const socket of [...sockets(), ...waiting]) socket.destroy();
    },
  };
}
