// The client's end of a flow (RFC 5626 2): what packages/sip sends through, and a keep-alive with its answer.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { type Address, type Flow, parseMessage, type SipRequest, type SipResponse } from '@linchpin/sip';
import { split } from '../peers/stream-split.ts';
import type { Way } from './way.ts';

export interface ClientFlow extends Flow {
  /** False when no answer came in time (RFC 5626 4.4.1); UDP has no keep-alive here and is always true. */
  ping(milliseconds: number): Promise<boolean>;
}

export type OnMessage = (message: SipRequest | SipResponse, flow: ClientFlow) => void;

let made = 0;

/** Rejects when there is no connection in time. */
export const openFlow = (way: Way, onMessage: OnMessage, milliseconds = 4000): Promise<ClientFlow> =>
  way.transport === 'udp' ? openDatagrams(way, onMessage) : openStream(way, onMessage, milliseconds);

interface Ends {
  transport: Way['transport'];
  remote: Address;
  local: Address;
  write(bytes: Uint8Array): void;
  end(): void;
}

/** `closed` is to be called when the other side or the network ended it. */
function createFlow(ends: Ends): ClientFlow & { closedBy(reason: string): void; pong(): void } {
  const { transport, remote, local } = ends;
  const listeners = new Set<(reason: string) => void>();
  const pongs = new Set<() => void>();
  let reason: string | undefined;
  const flow = {
    id: `client/${++made}`,
    transport,
    reliable: transport !== 'udp',
    remote,
    local,
    sentBy: `${isIP(local.address) === 6 ? `[${local.address}]` : local.address}:${local.port}`,
    identity: '',
    get closed() {
      return reason !== undefined;
    },
    send(bytes: Uint8Array) {
      if (reason !== undefined) return false;
      ends.write(bytes);
      return true;
    },
    close(why: string) {
      ends.end();
      flow.closedBy(why);
    },
    onClose(listener: (reason: string) => void) {
      if (reason !== undefined) queueMicrotask(() => listener(reason as string));
      else listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    closedBy(why: string) {
      if (reason !== undefined) return;
      reason = why;
      for (const listener of [...listeners]) listener(why);
    },
    pong() {
      for (const heard of [...pongs]) heard();
    },
    async ping(milliseconds: number) {
      if (!flow.reliable) return true;
      if (!flow.send(Buffer.from('\r\n\r\n'))) return false;
      return new Promise<boolean>((resolve) => {
        const done = (answered: boolean): void => {
          clearTimeout(late);
          pongs.delete(heard);
          resolve(answered);
        };
        const heard = (): void => done(true);
        const late = setTimeout(() => done(false), milliseconds);
        pongs.add(heard);
        flow.onClose(() => done(false));
      });
    },
  };
  return flow;
}

const contexts = new Map<string, SecureContext>();

/** One for all connections: the CA is read once. */
function contextOf(caFile: string): SecureContext {
  const known = contexts.get(caFile) ?? createSecureContext({ ca: readFileSync(caFile) });
  contexts.set(caFile, known);
  return known;
}

function startSocket({ transport, host, port, caFile, serverName }: Way): Socket {
  if (transport === 'tcp') return connectTcp({ host, port, noDelay: true });
  return connectTls({
    host,
    port,
    servername: serverName ?? (isIP(host) === 0 ? host : 'localhost'),
    ...(caFile === undefined ? {} : { secureContext: contextOf(caFile) }),
  });
}

async function openStream(way: Way, onMessage: OnMessage, milliseconds: number): Promise<ClientFlow> {
  const socket = startSocket(way);
  const late = setTimeout(() => socket.destroy(new Error('not connected in time')), milliseconds);
  try {
    await once(socket, way.transport === 'tls' ? 'secureConnect' : 'connect');
  } finally {
    clearTimeout(late);
    socket.on('error', () => {});
  }
  const flow = createFlow({
    transport: way.transport,
    remote: { address: way.host, port: way.port },
    local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.destroySoon(),
  });
  socket.on(
    'data',
    split((bytes) => receive(bytes, flow, onMessage), flow.pong),
  );
  socket.on('error', (error) => flow.closedBy(error.message));
  socket.on('close', () => flow.closedBy('closed by the server'));
  return flow;
}

async function openDatagrams(way: Way, onMessage: OnMessage): Promise<ClientFlow> {
  const type = isIP(way.host) === 6 ? 'udp6' : 'udp4';
  const socket = createSocket(type);
  socket.bind(0, await localAddress(way, type));
  await once(socket, 'listening');
  const local = socket.address();
  const flow = createFlow({
    transport: 'udp',
    remote: { address: way.host, port: way.port },
    local: { address: local.address, port: local.port },
    write: (bytes) => socket.send(bytes, way.port, way.host),
    end: () => socket.close(),
  });
  socket.on('message', (bytes: Buffer) => receive(bytes, flow, onMessage));
  socket.on('error', () => {});
  return flow;
}

/** Which address of this machine the system takes for that way. */
async function localAddress({ host, port }: Way, type: 'udp4' | 'udp6'): Promise<string> {
  const probe = createSocket(type);
  probe.connect(port, host);
  await once(probe, 'connect');
  const { address } = probe.address();
  probe.close();
  return address;
}

function receive(bytes: Buffer, flow: ClientFlow, onMessage: OnMessage): void {
  if (bytes.length > 4) onMessage(parseMessage(bytes), flow);
}
