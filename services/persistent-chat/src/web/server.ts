// The listener: HTTPS with limits on whoever connects.
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { closeGently, type Draining, HostError, type Logger } from '@linchpin/host';
import type { PersistentChatConfig } from '../config.ts';
import type { Dispatch } from './dispatch.ts';
import type { Streams } from './streams.ts';
import type { WebTelemetry } from './telemetry.ts';

export interface ListenerParts {
  config: PersistentChatConfig['web'] & { tls: { cert: string; key: string } };
  dispatch: Dispatch;
  streams: Pick<Streams, 'isOn' | 'endOn' | 'refuse'>;
  telemetry: WebTelemetry;
  log: Logger;
}

export interface Listener {
  readonly port: number;
  /** Rejects with HostError where the certificate cannot be used or the port not be opened. */
  start(): Promise<void>;
  /** Ends connections and streams one by one, so that not all come to the other pods at once; then takes no new ones. */
  drain(draining: Draining): Promise<void>;
  /** Reads the certificate again; keeps what it has where that cannot be used. */
  reload(): Promise<void>;
  stop(): Promise<void>;
}

const HANDSHAKE_MS = 10_000;
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16_384;
/** Like EXIT.config and EXIT.portTaken of the host. */
const EXIT_CONFIG = 2;
const EXIT_PORT_TAKEN = 75;

export function createListener({ config, dispatch, streams, telemetry, log }: ListenerParts): Listener {
  const { limits, tls } = config;
  /** Answers that are under way on each connection. */
  const sockets = new Map<Socket, Set<ServerResponse>>();
  /** Of TCP: also those whose handshake is not over. */
  const connections = new Set<Socket>();
  let server: Server | undefined;

  function make(pem: Pem): Server {
    const made = createServer({
      ...pem,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersSeconds * 1000,
      requestTimeout: limits.requestSeconds * 1000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1000,
      insecureHTTPParser: false,
    });
    made.maxConnections = limits.connections;
    made.timeout = limits.idleSeconds * 1000;
    const serve: Dispatch = async (request, response) => {
      const answers = sockets.get(request.socket);
      answers?.add(response);
      response.once('close', () => answers?.delete(response));
      await dispatch(request, response);
    };
    made.on('request', serve);
    // Whether the body is wanted is said when nothing else speaks against the request.
    made.on('checkContinue', serve);
    made.on('connection', (socket) => {
      connections.add(socket);
      socket.once('close', () => connections.delete(socket));
    });
    made.on('secureConnection', (socket) => {
      sockets.set(socket, new Set());
      telemetry.connections.set(sockets.size);
      socket.once('close', () => {
        sockets.delete(socket);
        telemetry.connections.set(sockets.size);
      });
    });
    made.on('timeout', (socket) => {
      if ([...(sockets.get(socket) ?? [])].some(isAtWork)) socket.setTimeout(made.timeout);
      else socket.destroy();
    });
    made.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
      const line = malformed[error.code ?? ''] ?? '400 Bad Request';
      socket.end(`HTTP/1.1 ${line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      socket.destroySoon();
    });
    return made;
  }

  return {
    get port() {
      return (server?.address() as AddressInfo | null)?.port ?? 0;
    },
    async start() {
      const made = make(await readPem(tls));
      await listen(made, config);
      server = made;
      log.info({ address: config.address, port: this.port }, 'the web surface listens');
    },
    drain: (draining) =>
      closeGently(draining, {
        open: () => sockets.keys(),
        busy: () => (socket) => (sockets.get(socket)?.size ?? 0) > 0 && !streams.isOn(socket),
        close: (socket) => (streams.isOn(socket) ? streams.endOn(socket, 'draining') : void socket.destroy()),
        refuse() {
          streams.refuse('draining');
          server?.close();
        },
      }),
    async reload() {
      const pem = await readPem(tls).catch((error) =>
        log.error({ err: error }, 'keeps the certificate that it has'),
      );
      if (pem) server?.setSecureContext({ ...pem, minVersion: 'TLSv1.2' });
    },
    async stop() {
      const running = server;
      server = undefined;
      if (!running) return;
      const closed = new Promise<void>((resolve) => running.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/** It is on us: the request is there, and the client has taken all that was answered so far. */
const isAtWork = ({ req, writableNeedDrain, writableEnded }: ServerResponse): boolean =>
  req.complete && !writableNeedDrain && !writableEnded;

const malformed: Record<string, string> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

interface Pem {
  cert: Buffer;
  key: Buffer;
}

async function readPem(files: { cert: string; key: string }): Promise<Pem> {
  try {
    const [cert, key] = await Promise.all([readFile(files.cert), readFile(files.key)]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    throw new HostError(`web.tls: ${(error as Error).message}`, EXIT_CONFIG, { cause: error });
  }
}

function listen(server: Server, { address, port }: { address: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new HostError(`web: cannot listen on ${address}:${port}: ${error.message}`, EXIT_PORT_TAKEN)),
    );
    server.listen({ host: address, port }, () => {
      server.removeAllListeners('error');
      server.on('error', () => {});
      resolve();
    });
  });
}
