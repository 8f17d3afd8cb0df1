import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { vi } from 'vitest';
import { SipRequest } from '../message/request.ts';
import { SipResponse } from '../message/response.ts';
import type { Address, Flow } from './flow.ts';
import type { SomeTransportLimits } from './limits.ts';
import type { ListenerOptions } from './listener.ts';

/** For tests: what a listener told, and a server that answers every request with 200. */
export interface Log {
  readonly options: ListenerOptions;
  readonly messages: (SipRequest | SipResponse)[];
  readonly flows: Flow[];
  readonly malformed: string[];
  readonly refused: string[];
  readonly closed: string[];
}

export function logged(limits: SomeTransportLimits = {}, more: Partial<ListenerOptions> = {}): Log {
  const log = { messages: [], flows: [], malformed: [], refused: [], closed: [] } as Omit<Log, 'options'>;
  const options: ListenerOptions = {
    name: 'test',
    address: '127.0.0.1',
    port: 0,
    limits,
    onMessage(message, flow) {
      log.messages.push(message);
      if (message instanceof SipRequest) flow.send(SipResponse.to(message, 200).toBuffer());
    },
    onFlow(flow) {
      log.flows.push(flow);
      flow.onClose((reason) => log.closed.push(reason));
    },
    onMalformed(error) {
      log.malformed.push(error.message);
      return undefined;
    },
    onRefused: (_remote, reason) => void log.refused.push(reason),
    ...more,
  };
  return { options, ...log };
}

/** For tests: the peer's side of a stream. */
export interface Peer {
  readonly socket: Socket;
  readonly text: string;
  /** Resolves as soon as so much has come. */
  until(expected: string | RegExp): Promise<void>;
  readonly closed: Promise<void>;
}

export function peerOn(socket: Socket): Peer {
  let text = '';
  let check = () => {};
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    check();
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    socket,
    get text() {
      return text;
    },
    until(expected) {
      const matches = () => (typeof expected === 'string' ? text.includes(expected) : expected.test(text));
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      check = () => matches() && resolve();
      check();
      closed.then(() => reject(new Error(`closed after: ${text}`)));
      return promise;
    },
    closed,
  };
}

export async function dial({ port }: { port: number }): Promise<Peer> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return peerOn(socket);
}

export async function udpPeer() {
  const socket = createSocket('udp4');
  const received: string[] = [];
  socket.on('message', (bytes) => received.push(bytes.toString('latin1')));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const send = (text: string, to: Address) => socket.send(text, to.port, to.address);
  const next = async () => {
    if (received.length === 0) await once(socket, 'message');
    return received.shift() as string;
  };
  return { socket, received, send, next, ...socket.address() };
}

export interface OptionsParts {
  transport?: string;
  via?: string;
  branch?: number | string;
  body?: string;
  headers?: string[];
}

export function optionsRequest(parts: OptionsParts = {}): string {
  const { transport = 'TCP', via = 'client.lab', branch = 1, body = '', headers = [] } = parts;
  return [
    'OPTIONS sip:contoso.lab SIP/2.0',
    `Via: SIP/2.0/${transport} ${via};branch=z9hG4bK${branch}`,
    'Max-Forwards: 70',
    'From: <sip:alice@contoso.lab>;tag=a',
    'To: <sip:contoso.lab>',
    `Call-ID: call-${branch}`,
    'CSeq: 1 OPTIONS',
    ...headers,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** Waits for what sockets will bring about. */
export const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000, interval: 5 });

/** Ends what a test opened, the last first. */
export function createCleanUp() {
  const tasks: (() => unknown)[] = [];
  return {
    add<T extends { close(): unknown } | { destroy(): unknown }>(thing: T): T {
      tasks.push(() => ('close' in thing ? thing.close() : thing.destroy()));
      return thing;
    },
    async run() {
      for (const task of tasks.splice(0).reverse()) await task();
    },
  };
}
