import { setTimeout as wait } from 'node:timers/promises';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import type { TlsFiles } from './config.ts';
import type { Logger } from './log.ts';

export interface NatsLinkOptions {
  servers: string[];
  /** Paths, read again for each connection, so that renewed certificates need no restart. */
  tls?: TlsFiles;
  /** Shown in the server's list of connections. */
  name?: string;
  /** The role whose inbox replies go to: `_INBOX.<role>.…`, so that a server can allow a role no other inbox. */
  role?: string;
  log: Logger;
}

/** A connection to NATS that comes back for as long as the process lives. */
export interface NatsLink {
  /** Waits for the first connection only: later it may be one that is being restored, see `connected`. */
  connection(): Promise<NatsConnection>;
  readonly connected: boolean;
  /** Called at once where connected already, then after each reconnection. Returns the way to stop. */
  onConnected(listener: (connection: NatsConnection) => void): () => void;
  onDisconnected(listener: () => void): () => void;
  close(): Promise<void>;
}

const MIN_DELAY_MS = 250;
const MAX_DELAY_MS = 2_000;
const DIAL_TIMEOUT_MS = 5_000;
// A server that does not answer is given up after the third unanswered ping.
const PING_MS = 2_000;

/** Never throws because NATS is away; connecting starts at once. */
export function createNatsLink(options: NatsLinkOptions): NatsLink {
  return new Link(options);
}

class Link implements NatsLink {
  readonly #options: NatsLinkOptions;
  readonly #up = new Set<(connection: NatsConnection) => void>();
  readonly #down = new Set<() => void>();
  readonly #stopping = new AbortController();
  #first = firstConnection();
  #connection: NatsConnection | undefined;
  #connected = false;
  #lostAt = Date.now();

  constructor(options: NatsLinkOptions) {
    this.#options = options;
    void this.#run();
  }

  get connected(): boolean {
    return this.#connected && !this.#stopping.signal.aborted;
  }

  connection(): Promise<NatsConnection> {
    return this.#connection ? Promise.resolve(this.#connection) : this.#first.promise;
  }

  onConnected(listener: (connection: NatsConnection) => void): () => void {
    this.#up.add(listener);
    if (this.#connected && this.#connection) listener(this.#connection);
    return () => this.#up.delete(listener);
  }

  onDisconnected(listener: () => void): () => void {
    this.#down.add(listener);
    return () => this.#down.delete(listener);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#first.reject(new Error('the link to NATS is closed'));
    await this.#connection?.close();
  }

  // The client restores its connection itself; where it takes a refusal for final it closes, and we begin again.
  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const connection = await this.#dial();
      if (connection) await this.#live(connection);
      await wait(this.#delay(), undefined, { signal }).catch(() => {});
    }
  }

  async #dial(): Promise<NatsConnection | undefined> {
    const { connect } = await import('@nats-io/transport-node');
    try {
      return await connect(this.#connectionOptions());
    } catch (error) {
      this.#options.log.debug({ err: error }, 'no connection to NATS yet');
      return undefined;
    }
  }

  async #live(connection: NatsConnection): Promise<void> {
    if (this.#stopping.signal.aborted) return connection.close();
    this.#connection = connection;
    this.#first.resolve(connection);
    this.#setConnected(true);
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') this.#setConnected(false);
      if (type === 'reconnect') this.#setConnected(true);
    }
    this.#connection = undefined;
    if (this.#stopping.signal.aborted) return;
    this.#first = firstConnection();
    this.#setConnected(false);
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    if (!connected) this.#lostAt = Date.now();
    if (connected && this.#connection) for (const listener of this.#up) listener(this.#connection);
    if (!connected) for (const listener of this.#down) listener();
  }

  // Grows with the length of the outage, not with the number of calls: the client asks more than once an attempt.
  #delay(): number {
    const grown = Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, (Date.now() - this.#lostAt) / 4));
    return MIN_DELAY_MS + Math.random() * (grown - MIN_DELAY_MS);
  }

  #connectionOptions(): ConnectionOptions {
    const { servers, tls, name, role } = this.#options;
    return {
      servers,
      name,
      inboxPrefix: role && `_INBOX.${role}`,
      tls: tls && { caFile: tls.ca, certFile: tls.cert, keyFile: tls.key },
      timeout: DIAL_TIMEOUT_MS,
      pingInterval: PING_MS,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => this.#delay(),
    };
  }
}

function firstConnection(): PromiseWithResolvers<NatsConnection> {
  const first = Promise.withResolvers<NatsConnection>();
  // Nobody need wait for it.
  first.promise.catch(() => {});
  return first;
}
