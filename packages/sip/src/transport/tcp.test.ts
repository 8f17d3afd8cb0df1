import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Flow } from './flow.ts';
import type { SomeTransportLimits } from './limits.ts';
import type { ListenerOptions } from './listener.ts';
import { createTcpListener } from './tcp.ts';
import { createCleanUp, dial, eventually, logged, optionsRequest } from './test-peers.ts';

const cleanUp = createCleanUp();
afterEach(cleanUp.run);

async function listen(limits: SomeTransportLimits = {}, more: Partial<ListenerOptions> = {}) {
  const log = logged(limits, more);
  const listener = cleanUp.add(await createTcpListener(log.options));
  const open = async () => {
    const peer = await dial(listener);
    cleanUp.add(peer.socket);
    return peer;
  };
  return { ...log, listener, open };
}

const count = (text: string, part: string) => text.split(part).length - 1;

describe('a connection', () => {
  test('is a flow that takes messages in pieces and sends answers', async () => {
    const { messages, flows, open, listener } = await listen();
    const peer = await open();
    const text = optionsRequest({ body: 'hello' });
    for (const part of [text.slice(0, 30), text.slice(30, -2), text.slice(-2)]) {
      peer.socket.write(part);
      await turn();
    }
    await peer.until('SIP/2.0 200 OK\r\n');
    expect(peer.text).toContain('Via: SIP/2.0/TCP client.lab;branch=z9hG4bK1;received=127.0.0.1\r\n');
    expect(Buffer.from(messages[0]?.body ?? []).toString()).toBe('hello');
    const [flow] = flows as [Flow];
    expect(flow).toMatchObject({ transport: 'tcp', reliable: true, closed: false, identity: '' });
    expect(flow.remote).toEqual({ address: '127.0.0.1', port: peer.socket.localPort });
    expect(flow.sentBy).toBe(`127.0.0.1:${listener.port}`);
    expect([...listener.flows()]).toEqual([flow]);
  });

  test('has an id of its own and the name that the listener was given', async () => {
    const { flows, open } = await listen({}, { sentBy: 'fe.contoso.lab' });
    await open();
    await open();
    await eventually(() => expect(flows).toHaveLength(2));
    expect(flows[0]?.id).not.toBe(flows[1]?.id);
    expect(flows[0]?.sentBy).toBe('fe.contoso.lab');
  });

  test('stays when the listener takes no more', async () => {
    const { open, listener } = await listen();
    const peer = await open();
    listener.stopListening?.();
    await expect(open()).rejects.toThrow('ECONNREFUSED');
    peer.socket.write(optionsRequest());
    await peer.until('SIP/2.0 200 OK\r\n');
    await listener.close();
  });

  test('gets a CRLF for two', async () => {
    const { open } = await listen();
    const peer = await open();
    peer.socket.write('\r\n\r\n');
    await peer.until('\r\n');
    peer.socket.write(optionsRequest());
    await peer.until('200 OK');
    expect(peer.text.startsWith('\r\nSIP/2.0 200')).toBe(true);
  });

  test('tells once why it was closed, also who asks later', async () => {
    const { flows, closed, open, listener } = await listen();
    const peer = await open();
    await eventually(() => expect(flows).toHaveLength(1));
    peer.socket.end();
    await eventually(() => expect(closed).toEqual(['closed by peer']));
    const [flow] = flows as [Flow];
    const late: string[] = [];
    flow.onClose((reason) => late.push(reason));
    flow.onClose((reason) => late.push(reason))();
    flow.close('again');
    await turn();
    expect(late).toEqual(['closed by peer']);
    expect(flow.closed).toBe(true);
    expect(flow.send(Buffer.from('x'))).toBe(false);
    expect([...listener.flows()]).toEqual([]);
  });

  test('that this side closes still hands over what was sent', async () => {
    const { open } = await listen(
      {},
      {
        onMessage(_message, flow) {
          flow.send(Buffer.from('x'.repeat(100_000)));
          flow.close('enough');
        },
      },
    );
    const peer = await open();
    peer.socket.write(optionsRequest());
    peer.socket.write(optionsRequest());
    await peer.closed;
    expect(peer.text).toHaveLength(100_000);
  });

  test('ends with its listener', async () => {
    const { open, closed, flows, listener } = await listen();
    const peer = await open();
    await eventually(() => expect(flows).toHaveLength(1));
    await listener.close();
    await peer.closed;
    expect(closed).toEqual(['listener closed']);
  });
});

describe('pipelining', () => {
  test('a thousand messages are all answered in order', async () => {
    const { open, messages } = await listen();
    const peer = await open();
    const all = Array.from({ length: 1000 }, (_, branch) =>
      optionsRequest({ branch, body: 'b'.repeat(branch) }),
    );
    peer.socket.write(all.join(''));
    await peer.until('Call-ID: call-999\r\n');
    expect(messages.map(({ callId }) => callId)).toEqual(all.map((_, i) => `call-${i}`));
    expect(count(peer.text, 'SIP/2.0 200')).toBe(1000);
  });

  test('one connection does not take all of a turn of the event loop', async () => {
    const perTurn: number[] = [];
    let now = 0;
    const { open, messages } = await listen(
      { messagesPerTurn: 10 },
      {
        onMessage(message) {
          messages.push(message);
          if (now++ === 0)
            setImmediate(() => {
              perTurn.push(now);
              now = 0;
            });
        },
      },
    );
    const peer = await open();
    peer.socket.write(Array.from({ length: 100 }, (_, branch) => optionsRequest({ branch })).join(''));
    await eventually(() => expect(messages).toHaveLength(100));
    await turn();
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(20);
  });
});

describe('what cannot be framed', () => {
  test.each([
    ['a message without Content-Length', optionsRequest().replace(/Content-Length.*\r\n/, ''), '400 Missing'],
    ['an announced endless body', optionsRequest().replace(/Length: 0/, 'Length: 99999999'), '513 Message'],
    ['an endless header', optionsRequest({ headers: [`X: ${'x'.repeat(70_000)}`] }), '513 Message'],
  ])('%s is answered and closed', async (_name, text, answer) => {
    const { open, malformed, messages } = await listen();
    const peer = await open();
    peer.socket.write(text);
    await peer.closed;
    expect(peer.text).toContain(`SIP/2.0 ${answer}`);
    expect(peer.text).toContain('Call-ID: call-1\r\n');
    expect(malformed).toHaveLength(1);
    expect(messages).toEqual([]);
  });

  test.each([
    ['garbage', 'no idea what this is\r\n\r\n'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a TLS handshake', '\x16\x03\x01\x02\x00\x01'],
    ['an endless line', 'x'.repeat(20_000)],
  ])('%s is closed', async (_name, text) => {
    const { open, malformed } = await listen();
    const peer = await open();
    peer.socket.write(text, 'latin1');
    await peer.closed;
    expect(peer.text).toBe('');
    expect(malformed).toHaveLength(1);
  });

  test('a bad request is answered, and the next message is served', async () => {
    const { open, malformed } = await listen();
    const peer = await open();
    peer.socket.write(optionsRequest().replace('1 OPTIONS', '1 INVITE') + optionsRequest({ branch: 2 }));
    await peer.until('200 OK');
    expect(peer.text).toMatch(/^SIP\/2\.0 400 .*\r\n/);
    expect(malformed).toHaveLength(1);
  });
});

describe('limits', () => {
  test('of connections from a source and in total', async () => {
    const { open, refused, flows } = await listen({ connectionsPerSource: 2 });
    const first = await open();
    await open();
    const third = await open();
    await third.closed;
    expect(refused).toEqual(['too many connections from this source']);
    first.socket.destroy();
    await first.closed;
    await eventually(async () => {
      const peer = await open();
      peer.socket.write('\r\n\r\n');
      await peer.until('\r\n');
    });
    expect(flows).toHaveLength(3);
  });

  test('of who is admitted', async () => {
    const { open, refused } = await listen({}, { admit: ({ address }) => `${address} is blocked` });
    const peer = await open();
    await peer.closed;
    expect(refused).toEqual(['127.0.0.1 is blocked']);
  });

  test('of the time for the first message, whatever else is sent', async () => {
    const { open, closed } = await listen({ halfOpenSeconds: 0.1 });
    const silent = await open();
    const pinging = await open();
    const timer = setInterval(() => pinging.socket.write('\r\n\r\n'), 20);
    await Promise.all([silent.closed, pinging.closed]);
    clearInterval(timer);
    expect(closed).toEqual(['no message in time', 'no message in time']);
  });

  test('of the time for one message', async () => {
    const { open, closed } = await listen({ messageSeconds: 0.2 });
    const peer = await open();
    peer.socket.write(optionsRequest());
    await peer.until('200 OK');
    const text = optionsRequest({ body: 'x'.repeat(100) });
    let at = 0;
    const timer = setInterval(() => peer.socket.write(text.slice(at, ++at)), 20);
    await peer.closed;
    clearInterval(timer);
    expect(closed).toEqual(['message not completed in time']);
  });

  test('of idle time', async () => {
    const { open, closed } = await listen({ idleSeconds: 0.1 });
    const peer = await open();
    peer.socket.write(optionsRequest());
    await peer.closed;
    expect(peer.text).toContain('200 OK');
    expect(closed).toEqual(['idle']);
  });

  test('that change hold for the connections that are open', async () => {
    const { open, closed, listener } = await listen();
    const peer = await open();
    peer.socket.write(optionsRequest());
    await peer.until('200 OK');
    listener.setLimits?.({ idleSeconds: 0.01 });
    await peer.closed;
    expect(closed).toEqual(['idle']);
  });

  test('of what waits for a peer that does not read', async () => {
    const { open, flows, closed } = await listen({ sendQueueBytes: 100_000 });
    const peer = await open();
    peer.socket.pause();
    await eventually(() => expect(flows).toHaveLength(1));
    const bytes = Buffer.alloc(10_000, 'x');
    let sent = 0;
    while (flows[0]?.send(bytes)) {
      sent++;
      if (sent % 5 === 0) await turn();
    }
    expect(closed).toEqual(['peer reads too slowly']);
    expect(flows[0]?.closed).toBe(true);
  });
});

test('refuses a port that is taken', async () => {
  const { listener } = await listen();
  await expect(createTcpListener(logged({}, { port: listener.port }).options)).rejects.toThrow('EADDRINUSE');
});
