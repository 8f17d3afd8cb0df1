import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { answerChallenge, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import { createInbox } from '@linchpin/testkit';
import { WebSocket } from 'ws';
import { split } from './stream-split.ts';

/** Bytes out and whole SIP messages in; the part of a user agent that knows its transport. */
interface Wire {
  name: 'UDP' | 'TCP' | 'TLS' | 'WSS';
  local: string;
  send(bytes: Buffer): void;
  onMessage(take: (bytes: Buffer) => void): void;
  readonly closed: Promise<unknown>;
  close(): void;
}

export type Via =
  | { udp: number }
  | { tcp: number }
  | { tls: number; caFile: string }
  | { wss: number; caFile: string };

async function udp(port: number): Promise<Wire> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    name: 'UDP',
    local: `127.0.0.1:${socket.address().port}`,
    send: (bytes) => socket.send(bytes, port, '127.0.0.1'),
    onMessage: (take) => void socket.on('message', take),
    closed: new Promise((resolve) => socket.once('close', resolve)),
    close: () => socket.close(),
  };
}

async function stream(port: number, caFile?: string): Promise<Wire> {
  const socket =
    caFile === undefined
      ? connectTcp(port, '127.0.0.1')
      : connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(caFile) });
  await once(socket, caFile === undefined ? 'connect' : 'secureConnect');
  socket.on('error', () => {});
  return {
    name: caFile === undefined ? 'TCP' : 'TLS',
    local: `127.0.0.1:${socket.localPort}`,
    send: (bytes) => void socket.write(bytes),
    onMessage: (take) => void socket.on('data', split(take)),
    closed: new Promise((resolve) => socket.once('close', resolve)),
    close: () => socket.destroy(),
  };
}

async function webSocket(port: number, caFile: string): Promise<Wire> {
  const socket = new WebSocket(`wss://localhost:${port}`, 'sip', { ca: readFileSync(caFile) });
  await once(socket, 'open');
  socket.on('error', () => {});
  return {
    name: 'WSS',
    local: `${randomBytes(6).toString('hex')}.invalid`,
    send: (bytes) => socket.send(bytes),
    onMessage: (take) => void socket.on('message', (bytes: Buffer) => take(bytes)),
    closed: new Promise((resolve) => socket.once('close', resolve)),
    close: () => socket.terminate(),
  };
}

const open = (via: Via): Promise<Wire> => {
  if ('udp' in via) return udp(via.udp);
  if ('tcp' in via) return stream(via.tcp);
  return 'tls' in via ? stream(via.tls, via.caFile) : webSocket(via.wss, via.caFile);
};

export interface RequestOptions {
  uri?: string;
  to?: string;
  headers?: [string, string][];
  body?: string;
  /** Answer a challenge; true unless told otherwise. */
  authenticate?: boolean;
  milliseconds?: number;
}

/** A user agent of the test's own, for what ordinary clients cannot be made to do. */
export interface UserAgent {
  readonly user: string;
  readonly contact: string;
  readonly requests: readonly SipRequest[];
  /** Sends a request and resolves with its final response. */
  request(method: string, options?: RequestOptions): Promise<SipResponse>;
  register(expires?: number): Promise<SipResponse>;
  message(to: string, text: string): Promise<SipResponse>;
  subscribe(to: string, expires?: number): Promise<SipResponse>;
  /** The first request, past or to come, for which `match` holds. */
  received(match: (request: SipRequest) => boolean, milliseconds?: number): Promise<SipRequest>;
  /** The first response, past or to come, for which `match` holds. */
  response(match: (response: SipResponse) => boolean): Promise<SipResponse>;
  /** Told about every request as it comes, for measuring. */
  onRequest(listener: (request: SipRequest) => void): void;
  sendRaw(bytes: Buffer | string): void;
  readonly closed: Promise<unknown>;
  close(): void;
}

export async function createUserAgent(user: string, password: string, via: Via): Promise<UserAgent> {
  const wire = await open(via);
  const [name = '', domain = ''] = user.split('@');
  const contact = `<sip:${name}@${wire.local};transport=${wire.name.toLowerCase()}>`;
  const requests = createInbox<SipRequest>();
  const responses = createInbox<SipResponse>();
  const registration = { callId: randomBytes(8).toString('hex'), cseq: 0 };

  /** A request is answered 200, except INVITE, which stays with the test. */
  let heard = (_request: SipRequest): void => {};
  function onRequest(request: SipRequest): void {
    heard(request);
    requests.push(request);
    if (request.method === 'ACK' || request.method === 'INVITE') return;
    wire.send(SipResponse.to(request, 200, 'OK', { toTag: 'ua' }).toBuffer());
  }
  /** Final responses by the branch of their request; what nobody waits for is kept for `response`. */
  const waiting = new Map<string, (response: SipResponse) => void>();
  function onResponse(response: SipResponse): void {
    const resolve = waiting.get(response.via.branch ?? '');
    if (resolve === undefined) responses.push(response);
    else if (response.status >= 200) resolve(response);
  }
  wire.onMessage((bytes) => {
    const message = parseMessage(bytes);
    if (message instanceof SipRequest) onRequest(message);
    else onResponse(message);
  });

  function build(method: string, options: RequestOptions, cseq: number, callId: string): SipRequest {
    const { uri = `sip:${domain}`, to = user, headers = [], body } = options;
    const request = SipRequest.create(
      method,
      uri,
      [
        ['Via', `SIP/2.0/${wire.name} ${wire.local};branch=z9hG4bK${randomBytes(8).toString('hex')};rport`],
        ['Max-Forwards', '70'],
        ['From', `<sip:${user}>;tag=ua`],
        ['To', `<sip:${to}>`],
        ['Call-ID', callId],
        ['CSeq', `${cseq} ${method}`],
        ...headers,
      ],
      body === undefined ? undefined : Buffer.from(body),
    );
    return request;
  }

  /** UDP may lose what a restarting server was sent: it is sent again as timer E would (RFC 3261 17.1.2). */
  async function exchange(request: SipRequest, milliseconds: number): Promise<SipResponse> {
    const bytes = request.toBuffer();
    const branch = request.via.branch ?? '';
    const again = wire.name === 'UDP' ? setInterval(() => wire.send(bytes), 500) : undefined;
    let late: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        late = setTimeout(
          () => reject(new Error(`${user}: no answer to ${request.method} in ${milliseconds} ms`)),
          milliseconds,
        );
        waiting.set(branch, resolve);
        wire.send(bytes);
      });
    } finally {
      clearInterval(again);
      clearTimeout(late);
      waiting.delete(branch);
    }
  }

  async function send(method: string, options: RequestOptions = {}): Promise<SipResponse> {
    const isRegister = method === 'REGISTER';
    const callId = isRegister ? registration.callId : randomBytes(8).toString('hex');
    const nextCseq = (): number => (isRegister ? ++registration.cseq : 1);
    const { milliseconds = 10_000, authenticate = true } = options;
    const first = build(method, options, nextCseq(), callId);
    const response = await exchange(first, milliseconds);
    const challenged = response.status === 401 || response.status === 407;
    if (!challenged || !authenticate) return response;
    const [asks, answers] =
      response.status === 401
        ? ['www-authenticate', 'Authorization']
        : ['proxy-authenticate', 'Proxy-Authorization'];
    const challenge = response.getAll(asks as string)[0] ?? '';
    const value = answerChallenge(challenge, { username: name, password, method, uri: first.uri });
    const signed = {
      ...options,
      headers: [...(options.headers ?? []), [answers, value] as [string, string]],
    };
    return exchange(build(method, signed, isRegister ? nextCseq() : 2, callId), milliseconds);
  }

  return {
    user,
    contact,
    requests: requests.items,
    request: send,
    register: (expires = 600) =>
      send('REGISTER', {
        headers: [
          ['Contact', contact],
          ['Expires', String(expires)],
        ],
      }),
    message: (to, text) =>
      send('MESSAGE', { uri: `sip:${to}`, to, headers: [['Content-Type', 'text/plain']], body: text }),
    subscribe: (to, expires = 600) =>
      send('SUBSCRIBE', {
        uri: `sip:${to}`,
        to,
        headers: [
          ['Contact', contact],
          ['Event', 'presence'],
          ['Accept', 'application/pidf+xml'],
          ['Expires', String(expires)],
        ],
      }),
    received: (match, milliseconds = 10_000) => requests.next(match, milliseconds),
    response: (match) => responses.next(match, 10_000),
    onRequest(listener) {
      heard = listener;
    },
    sendRaw: (bytes) => wire.send(Buffer.from(bytes)),
    closed: wire.closed,
    close: wire.close,
  };
}

export const bodyOf = (message: SipRequest | SipResponse): string =>
  Buffer.from(message.body).toString('utf8');
