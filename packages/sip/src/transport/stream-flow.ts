import type { Socket } from 'node:net';
import { hostPort, plainAddress } from './address.ts';
import { ConnectionFlow, type ConnectionSettings, type Ends } from './connection-flow.ts';
import type { TransportName } from './flow.ts';
import { type Frame, StreamFramer } from './stream-framer.ts';
import { TurnCork } from './turn-cork.ts';

/** How long a connection that this side ends may take to hand over the last bytes. */
export const lingerMilliseconds = 2000;

/** A TCP or TLS connection. */
export class StreamFlow extends ConnectionFlow {
  readonly #socket: Socket;
  readonly #framer: StreamFramer;
  readonly #cork: TurnCork;

  constructor(transport: 'tcp' | 'tls', socket: Socket, settings: ConnectionSettings) {
    super(endsOf(transport, socket, settings), settings);
    this.#socket = socket;
    this.#framer = new StreamFramer(settings.limits.message);
    this.#cork = new TurnCork(socket);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.ended(error.message));
    socket.on('close', () => this.ended('closed by peer'));
  }

  protected override get queued(): number {
    return this.#socket.writableLength;
  }

  protected override get inMessage(): boolean {
    return this.#framer.inMessage;
  }

  protected override take(): Frame | undefined {
    return this.#framer.next();
  }

  protected override write(bytes: Uint8Array): void {
    this.#cork.hold();
    this.#socket.write(bytes);
  }

  protected override setReading(reading: boolean): void {
    if (reading) this.#socket.resume();
    else this.#socket.pause();
  }

  protected override end(): void {
    endSoon(this.#socket, () => this.#socket.end());
  }

  protected override destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.closed) return;
    this.#framer.push(chunk);
    this.work();
  }
}

/** Goes on reading, for a socket closed over unread bytes is reset, and the peer never sees the last answer. */
export function endSoon(socket: Socket, end: () => void): void {
  const timeout = setTimeout(() => socket.destroy(), lingerMilliseconds).unref();
  socket.once('close', () => clearTimeout(timeout));
  socket.resume();
  end();
}

export function endsOf(transport: TransportName, socket: Socket, settings: ConnectionSettings): Ends {
  const remote = { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
  const local = { address: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
  return { transport, remote, local, sentBy: settings.sentBy ?? hostPort(local) };
}
