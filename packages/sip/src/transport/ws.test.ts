import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { SomeTransportLimits } from './limits.ts';
import type { WsListenerOptions } from './listener.ts';
import { selfSigned } from './test-certificate.ts';
import { createCleanUp, dial, eventually, logged, optionsRequest, peerOn } from './test-peers.ts';
import { createWsListener } from './ws.ts';

const cleanUp = createCleanUp();
afterEach(cleanUp.run);
let tls: Awaited<ReturnType<typeof selfSigned>>;
beforeAll(async () => {
  tls = await selfSigned('fe.contoso.lab');
});

async function listen(limits: SomeTransportLimits = {}, more: Partial<WsListenerOptions> = {}) {
  const log = logged(limits, more);
  const listener = cleanUp.add(await createWsListener({ ...log.options, tls: more.tls }));
  const open = async (options: ClientOptions = {}, protocol = 'sip') => {
    const ws = new WebSocket(
      `${listener.transport}://127.0.0.1:${listener.port}/any/path`,
      protocol,
      options,
    );
    cleanUp.add({ close: () => ws.terminate() });
    const received: { text: string; isBinary: boolean }[] = [];
    ws.on('message', (bytes: Buffer, isBinary) =>
      received.push({ text: bytes.toString('latin1'), isBinary }),
    );
    await once(ws, 'open');
    const next = async () => {
      await eventually(() => expect(received).not.toEqual([]));
      return received.shift() as (typeof received)[number];
    };
    return { ws, received, next };
  };
  return { ...log, listener, open };
}

const wsRequest = (parts: Parameters<typeof optionsRequest>[0] = {}) =>
  optionsRequest({ transport: 'WS', via: 'x7.invalid', ...parts });

describe('messages', () => {
  test('are taken as text and as binary, and need no Content-Length', async () => {
    const { open, flows, messages } = await listen();
    const { ws, next } = await open();
    expect(ws.protocol).toBe('sip');
    ws.send(wsRequest({ branch: 1 }).replace(/Content-Length.*\r\n/, ''));
    expect((await next()).text).toContain('Via: SIP/2.0/WS x7.invalid;branch=z9hG4bK1\r\n');
    ws.send(Buffer.from(wsRequest({ branch: 2 })), { binary: true });
    expect((await next()).text).toContain('Call-ID: call-2\r\n');
    expect(messages).toHaveLength(2);
    expect(flows[0]).toMatchObject({ transport: 'ws', reliable: true });
  });

  test('go out as text, unless they are not UTF-8', async () => {
    const { open, flows } = await listen();
    const { next } = await open();
    await eventually(() => expect(flows).toHaveLength(1));
    flows[0]?.send(Buffer.from('grün'));
    flows[0]?.send(Buffer.from('gr\xfcn', 'latin1'));
    expect(await next()).toEqual({ text: Buffer.from('grün').toString('latin1'), isBinary: false });
    expect(await next()).toEqual({ text: 'gr\xfcn', isBinary: true });
  });

  test('come over TLS as well', async () => {
    const { open, flows } = await listen({}, { tls });
    const { ws, next } = await open({ ca: tls.cert });
    ws.send(wsRequest({ transport: 'WSS' }));
    expect((await next()).text).toContain('200 OK');
    expect(flows[0]?.transport).toBe('wss');
  });

  test('a thousand at a time are all answered', async () => {
    const { open, received } = { received: [] as string[], ...(await listen()) };
    const { ws } = await open();
    ws.on('message', (bytes: Buffer) => received.push(String(bytes)));
    for (let branch = 0; branch < 1000; branch++) ws.send(wsRequest({ branch }));
    await eventually(() => expect(received).toHaveLength(1000));
    expect(received[999]).toContain('call-999');
  });
});

describe('keep-alive', () => {
  test('by WebSocket pings', async () => {
    const { open } = await listen();
    const { ws } = await open();
    ws.ping('are you there?');
    const [payload] = await once(ws, 'pong');
    expect(String(payload)).toBe('are you there?');
  });

  test('by CRLFCRLF, while one CRLF means nothing', async () => {
    const { open, malformed } = await listen();
    const { ws, next } = await open();
    ws.send('\r\n');
    ws.send('\r\n\r\n');
    expect((await next()).text).toBe('\r\n');
    expect(malformed).toEqual([]);
  });
});

describe('what is refused', () => {
  test('a client that does not speak sip', async () => {
    const { open, flows } = await listen();
    await expect(open({}, 'xmpp')).rejects.toThrow('400');
    expect(flows).toEqual([]);
  });

  test('a browser that asks for a page', async () => {
    const { listener } = await listen();
    const response = await fetch(`http://127.0.0.1:${listener.port}/`);
    expect(response.status).toBe(426);
  });

  test('garbage and half a handshake', async () => {
    const { listener, refused } = await listen({ halfOpenSeconds: 0.1 });
    const garbage = await dial(listener);
    garbage.socket.write('garbage\r\n\r\n');
    const half = await dial(listener);
    half.socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
    await Promise.all([garbage.closed, half.closed]);
    await eventually(() => expect(refused).toEqual(['no handshake', 'no handshake']));
  });

  test('too many connections', async () => {
    const { open, refused } = await listen({ connections: 1 });
    await open();
    await expect(open()).rejects.toThrow();
    expect(refused).toEqual(['too many connections']);
  });

  test('a bad request is answered, and what is none ends the connection', async () => {
    const { open, malformed } = await listen();
    const { ws, next } = await open();
    ws.send(wsRequest().replace('1 OPTIONS', '1 INVITE'));
    expect((await next()).text).toMatch(/^SIP\/2\.0 400 /);
    ws.send('garbage');
    await once(ws, 'close');
    expect(malformed).toHaveLength(2);
  });

  test('a message that is too large', async () => {
    const { open, closed } = await listen({ message: { headers: 1000, body: 1000 } });
    const { ws } = await open();
    ws.send('x'.repeat(2001));
    const [code] = await once(ws, 'close');
    expect(code).toBe(1009);
    await eventually(() => expect(closed).toHaveLength(1));
  });

  test('a message in thousands of pieces', async () => {
    const { open, closed } = await listen();
    const { ws } = await open();
    for (let i = 0; i < 300; i++) ws.send('x', { fin: false });
    await once(ws, 'close');
    await eventually(() => expect(closed).toHaveLength(1));
  });
});

describe('limits', () => {
  test('of the time for the first message', async () => {
    const { open, closed } = await listen({ halfOpenSeconds: 0.2 });
    const { ws } = await open();
    await once(ws, 'close');
    expect(closed).toEqual(['no message in time']);
  });

  test('of the time for one message', async () => {
    const { open, closed } = await listen({ messageSeconds: 0.2 });
    const { ws, next } = await open();
    ws.send(wsRequest());
    await next();
    const timer = setInterval(() => ws.send('x', { fin: false }), 20);
    await once(ws, 'close');
    clearInterval(timer);
    expect(closed).toEqual(['message not completed in time']);
  });

  test('of what waits for a peer that pings and does not read', async () => {
    const { listener, closed } = await listen({ sendQueueBytes: 50_000 });
    const socket = connect(listener.port, '127.0.0.1');
    const peer = peerOn(socket);
    cleanUp.add(socket);
    socket.write(
      'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n',
    );
    await peer.until('\r\n\r\n');
    socket.pause();
    // A masked ping with 125 bytes.
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125, 'x')]);
    const pings = Buffer.concat(Array<Buffer>(500).fill(ping));
    const timer = setInterval(() => socket.write(pings), 1);
    await eventually(() => expect(closed).toEqual(['peer reads too slowly']));
    clearInterval(timer);
  });
});

test('ends its flows when it closes', async () => {
  const { open, closed, listener } = await listen();
  const { ws } = await open();
  const ended = once(ws, 'close');
  await eventually(() => expect([...listener.flows()]).toHaveLength(1));
  await listener.close();
  const [code] = await ended;
  expect(code).toBe(1001);
  expect(closed).toEqual(['listener closed']);
});
