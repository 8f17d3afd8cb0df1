import { randomBytes } from 'node:crypto';
import type { Address, Flow, TransportName } from './flow.ts';
import type { TransportLimits } from './limits.ts';
import type { Receiver } from './receiver.ts';
import type { Frame } from './stream-framer.ts';

/** What the connections of one listener or connector have in common. */
export interface ConnectionSettings {
  readonly limits: TransportLimits;
  readonly receiver: Receiver;
  /** Without it the local address of each connection is written into Via. */
  readonly sentBy: string | undefined;
  readonly idPrefix: string;
  /** This side began the connection, so the peer owes no message. */
  readonly outgoing: boolean;
}

export interface Ends {
  readonly transport: TransportName;
  readonly remote: Address;
  readonly local: Address;
  readonly sentBy: string;
}

const pong = Buffer.from('\r\n');

// Flow ids are kept with bindings over a restart, where none may name a connection of the next process by chance.
const thisProcess = randomBytes(6).toString('base64url');
let made = 0;

/** A connection as a flow. It bounds what its peer can make this side hold, do at a time, or wait for. */
export abstract class ConnectionFlow implements Flow {
  readonly id: string;
  readonly transport: TransportName;
  readonly reliable: boolean;
  readonly remote: Address;
  readonly local: Address;
  readonly sentBy: string;
  identity: string;
  readonly #settings: ConnectionSettings;
  readonly #listeners: Set<(reason: string) => void>;
  readonly #openedAt: number;
  #closedBy: string | undefined;
  #turnBooked: boolean;
  #hasMessage: boolean;
  #frames: number;
  #framesSeen: number;
  #quietSince: number;
  #partSince: number | undefined;

  constructor(ends: Ends, settings: ConnectionSettings) {
    this.id = `${settings.idPrefix}${ends.transport}/${thisProcess}/${(++made).toString(36)}`;
    this.transport = ends.transport;
    this.reliable = true;
    this.remote = ends.remote;
    this.local = ends.local;
    this.sentBy = ends.sentBy;
    this.identity = '';
    this.#settings = settings;
    this.#listeners = new Set();
    this.#openedAt = performance.now();
    this.#closedBy = undefined;
    this.#turnBooked = false;
    this.#hasMessage = settings.outgoing;
    this.#frames = 0;
    this.#framesSeen = 0;
    this.#quietSince = this.#openedAt;
    this.#partSince = undefined;
  }

  /** The next thing that arrived. */
  protected abstract take(): Frame | undefined;
  protected abstract write(bytes: Uint8Array): void;
  /** Bytes written that have not gone out. */
  protected abstract readonly queued: number;
  /** Part of a message is there, and the rest is not. */
  protected abstract readonly inMessage: boolean;
  protected abstract setReading(reading: boolean): void;
  /** Ends the connection when what was written has gone out, or soon after anyway. */
  protected abstract end(): void;
  protected abstract destroy(): void;

  get closed(): boolean {
    return this.#closedBy !== undefined;
  }

  send(bytes: Uint8Array): boolean {
    if (this.closed || !this.hasRoomFor(bytes.length)) return false;
    this.write(bytes);
    return true;
  }

  close(reason: string): void {
    if (this.closed) return;
    this.ended(reason);
    this.end();
  }

  /** Without waiting for what was written. */
  abort(reason: string): void {
    if (this.closed) return;
    this.ended(reason);
    this.destroy();
  }

  onClose(listener: (reason: string) => void): () => void {
    const reason = this.#closedBy;
    this.#listeners.add(listener);
    if (reason !== undefined) queueMicrotask(() => this.#tell(listener, reason));
    return () => void this.#listeners.delete(listener);
  }

  /** Why the connection is to be closed at this time, if it is; asked about once a second (limits in TransportLimits). */
  overdue(now: number): string | undefined {
    const { halfOpenSeconds, messageSeconds, idleSeconds } = this.#settings.limits;
    this.#watch(now);
    if (!this.#hasMessage && now - this.#openedAt > halfOpenSeconds * 1000) return 'no message in time';
    const partSince = this.#partSince ?? now;
    if (now - partSince > messageSeconds * 1000) return 'message not completed in time';
    return now - this.#quietSince > idleSeconds * 1000 ? 'idle' : undefined;
  }

  /** To be called when something arrived. One connection has its share of a turn of the event loop, then others have theirs. */
  protected work(): void {
    if (this.#turnBooked) return;
    for (let left = this.#settings.limits.messagesPerTurn; left > 0; left--) {
      const frame = this.closed ? undefined : this.take();
      if (frame === undefined) return;
      this.heard();
      this.#handle(frame);
    }
    this.#bookTurn();
  }

  /** Closes the connection when there is none: a peer that does not read is as good as gone. */
  protected hasRoomFor(bytes: number): boolean {
    const fits = this.queued + bytes <= this.#settings.limits.sendQueueBytes;
    if (!fits) this.abort('peer reads too slowly');
    return fits;
  }

  /** Something whole arrived, so the peer is alive. */
  protected heard(): void {
    this.#frames++;
  }

  protected ended(reason: string): void {
    if (this.closed) return;
    this.#closedBy = reason;
    for (const listener of this.#listeners) this.#tell(listener, reason);
  }

  #tell(listener: (reason: string) => void, reason: string): void {
    if (this.#listeners.delete(listener)) listener(reason);
  }

  #bookTurn(): void {
    this.#turnBooked = true;
    this.setReading(false);
    setImmediate(() => {
      this.#turnBooked = false;
      if (this.closed) return;
      this.setReading(true);
      this.work();
    });
  }

  #handle(frame: Frame): void {
    switch (frame.kind) {
      case 'message':
        this.#hasMessage = true;
        if (!this.#settings.receiver.receive(frame.bytes, this)) this.close('malformed message');
        break;
      case 'ping':
        this.send(pong);
        break;
      case 'broken':
        this.#settings.receiver.broken(frame.error, frame.bytes, this);
        this.close(frame.error.message);
    }
  }

  #watch(now: number): void {
    if (this.#frames !== this.#framesSeen) {
      this.#framesSeen = this.#frames;
      this.#quietSince = now;
      this.#partSince = undefined;
    }
    this.#partSince = this.inMessage ? (this.#partSince ?? now) : undefined;
  }
}
