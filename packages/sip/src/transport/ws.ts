import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { ConnectionFlow, ConnectionSettings } from './connection-flow.ts';
import { openConnectionListener, type Upgrade } from './connection-listener.ts';
import type { Listener, WsListenerOptions } from './listener.ts';
import { oldestTls } from './tls.ts';
import { WsFlow } from './ws-flow.ts';

const refusal = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** SIP over WebSocket (RFC 7118), on any path. */
export function createWsListener(options: WsListenerOptions): Promise<Listener> {
  const transport = options.tls === undefined ? 'ws' : 'wss';
  return openConnectionListener(transport, options, (settings, ready) => {
    const server = httpServer(options, settings);
    serveWebSockets(server, transport, settings, ready);
    const take: Upgrade['take'] = (socket) => server.emit('connection', socket);
    if (!('setSecureContext' in server)) return { take };
    return { take, setTls: (context) => server.setSecureContext({ ...oldestTls, ...context }) };
  });
}

// It does not listen by itself: connections are counted before they cost a handshake.
function httpServer(options: WsListenerOptions, { limits }: ConnectionSettings): Server | TlsServer {
  const handshakeTimeout = limits.halfOpenSeconds * 1000;
  const server =
    options.tls === undefined
      ? createServer()
      : createTlsServer({ ...oldestTls, ...options.tls, handshakeTimeout });
  server.on('request', (_request, response) => {
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end();
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

// The types do not know these yet. Without them a peer may send its messages as so many pieces that each costs us far more.
const pieces = { maxFragments: 256, maxBufferedChunks: 4096 };

function serveWebSockets(
  server: Server | TlsServer,
  transport: 'ws' | 'wss',
  settings: ConnectionSettings,
  ready: (flow: ConnectionFlow) => void,
): void {
  const { headers, body } = settings.limits.message;
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: headers + body,
    handleProtocols: () => 'sip',
    ...pieces,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (!offersSip(request)) return void socket.end(refusal);
    webSockets.handleUpgrade(request, socket, head, (ws) =>
      ready(new WsFlow(transport, ws, socket as Socket, settings)),
    );
  });
}

// RFC 7118 4.1: the client has to name the subprotocol.
function offersSip({ headers }: IncomingMessage): boolean {
  const offered = headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((protocol) => protocol.trim() === 'sip');
}
