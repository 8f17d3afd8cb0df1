import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { ConnectionFlow, type ConnectionSettings } from './connection-flow.ts';
import { endSoon, endsOf } from './stream-flow.ts';
import type { Frame } from './stream-framer.ts';
import { TurnCork } from './turn-cork.ts';

const goingAway = 1001;
const onlyEmptyLines = /^(\r\n)*$/;

/** A WebSocket connection: each of its messages is one SIP message (RFC 7118 5). */
export class WsFlow extends ConnectionFlow {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #cork: TurnCork;
  readonly #arrived: Frame[];
  /** How much the socket had read when something was whole last: what it read since is part of the next. */
  #bytesRead: number;

  constructor(transport: 'ws' | 'wss', ws: WebSocket, socket: Socket, settings: ConnectionSettings) {
    super(endsOf(transport, socket, settings), settings);
    this.#ws = ws;
    this.#socket = socket;
    this.#cork = new TurnCork(socket);
    this.#arrived = [];
    this.#bytesRead = socket.bytesRead;
    ws.on('message', (bytes: Buffer) => this.#read(bytes));
    ws.on('ping', (payload: Buffer) => this.#pong(payload));
    ws.on('pong', () => this.heard());
    ws.on('error', (error) => this.close(error.message));
    ws.on('close', () => this.ended('closed by peer'));
  }

  protected override get queued(): number {
    return this.#ws.bufferedAmount;
  }

  protected override get inMessage(): boolean {
    return this.#socket.bytesRead !== this.#bytesRead;
  }

  protected override take(): Frame | undefined {
    return this.#arrived.shift();
  }

  // RFC 7118 4.2: what is not UTF-8 throughout has to be binary.
  protected override write(bytes: Uint8Array): void {
    this.#cork.hold();
    this.#ws.send(bytes, { binary: !isUtf8(bytes) }, () => {});
  }

  protected override setReading(reading: boolean): void {
    if (reading) this.#ws.resume();
    else this.#ws.pause();
  }

  protected override end(): void {
    endSoon(this.#socket, () => this.#ws.close(goingAway));
  }

  protected override destroy(): void {
    this.#ws.terminate();
  }

  protected override heard(): void {
    super.heard();
    this.#bytesRead = this.#socket.bytesRead;
  }

  #read(bytes: Buffer): void {
    this.heard();
    const frame = frameOf(bytes);
    if (this.closed || frame === undefined) return;
    this.#arrived.push(frame);
    this.work();
  }

  // Not by ws itself, which would go on answering a peer that reads nothing.
  #pong(payload: Buffer): void {
    this.heard();
    if (this.closed || !this.hasRoomFor(payload.length)) return;
    this.#cork.hold();
    this.#ws.pong(payload, false, () => {});
  }
}

// RFC 7118 6: the keep-alive of RFC 5626 may be used here as well.
function frameOf(bytes: Buffer): Frame | undefined {
  const isEmpty = bytes.length <= 4 && onlyEmptyLines.test(bytes.toString('latin1'));
  if (!isEmpty) return { kind: 'message', bytes };
  return bytes.length === 4 ? { kind: 'ping' } : undefined;
}
