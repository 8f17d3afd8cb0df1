import { describe, expect, test } from 'vitest';
import { SipError } from '../message/error.ts';
import { defaultLimits } from '../message/limits.ts';
import type { SipMessage } from '../message/message.ts';
import { createFakeFlow } from '../transaction/fakes.ts';
import type { TransportName } from './flow.ts';
import { createReceiver } from './receiver.ts';

function setUp(transport: TransportName = 'udp') {
  const messages: SipMessage[] = [];
  const errors: string[] = [];
  const receiver = createReceiver(
    {
      onMessage: (message) => void messages.push(message),
      onMalformed(error) {
        errors.push(error.message);
        return [['X-Why', error.reason]];
      },
    },
    defaultLimits,
  );
  const flow = createFakeFlow(transport);
  const give = (text: string) => receiver.receive(Buffer.from(text, 'latin1'), flow);
  return { receiver, flow, messages, errors, give };
}

interface Parts {
  method?: string;
  via?: string;
  cseq?: string;
  from?: string;
}

/** From 192.0.2.7, port 5555. */
function request({ method = 'OPTIONS', via = 'client.lab:5070', cseq = `1 ${method}`, from }: Parts = {}) {
  return [
    `${method} sip:bob@contoso.lab SIP/2.0`,
    `Via: SIP/2.0/UDP ${via};branch=z9hG4bK1, SIP/2.0/TCP first.lab;branch=z9hG4bK0`,
    'Max-Forwards: 70',
    `From: ${from ?? '<sip:alice@contoso.lab>;tag=a'}`,
    'To: <sip:bob@contoso.lab>',
    'Call-ID: call-1',
    `CSeq: ${cseq}`,
    '',
    '',
  ].join('\r\n');
}

describe('the topmost Via', () => {
  test.each<[string, TransportName, string, string]>([
    ['gets the address when it has a name', 'udp', 'client.lab:5070', 'received=192.0.2.7'],
    ['gets the address when it has another one', 'tcp', '10.0.0.1', 'received=192.0.2.7'],
    ['stays as it is when it has the right address', 'udp', '192.0.2.7:5070', ''],
    ['gets the port when it asks for it', 'udp', '192.0.2.7;rport', 'rport=5555;received=192.0.2.7'],
    ['gets the port over a wrong one', 'tls', 'a.lab;rport=1', 'rport=5555;received=192.0.2.7'],
    ['gets the address over a wrong one', 'udp', 'a.lab;received=10.0.0.9', 'received=192.0.2.7'],
    ['has no address of a WebSocket client', 'wss', 'a.invalid', ''],
    ['has none that a WebSocket client made up', 'ws', 'a.invalid;received=10.0.0.9', ''],
    ['has that of a WebSocket client which asks', 'ws', 'a.invalid;rport', 'rport=5555;received=192.0.2.7'],
  ])('%s', (_name, transport, via, params) => {
    const { give, messages } = setUp(transport);
    expect(give(request({ via }))).toBe(true);
    const [top, ...rest] = messages[0]?.vias ?? [];
    top?.params.delete('branch');
    expect(String(top?.params)).toBe(params === '' ? '' : `;${params}`);
    expect(rest.map(String)).toEqual(['SIP/2.0/TCP first.lab;branch=z9hG4bK0']);
    expect(messages[0]?.via.branch).toBe('z9hG4bK1');
  });
});

describe('a malformed message', () => {
  test('is answered when it is a request that can be', () => {
    const { give, flow, messages, errors } = setUp();
    expect(give(request({ cseq: '1 INVITE' }))).toBe(true);
    expect(messages).toEqual([]);
    expect(errors).toHaveLength(1);
    expect(flow.sent[0]).toMatch(
      /^SIP\/2\.0 400 .*\r\nVia: SIP\/2\.0\/UDP client\.lab:5070;branch=z9hG4bK1, /,
    );
    expect(flow.sent[0]).toContain('\r\nCall-ID: call-1\r\n');
    expect(flow.sent[0]).toMatch(/To: <sip:bob@contoso\.lab>;tag=/);
    expect(flow.sent[0]).toMatch(/X-Why: \w+/);
  });

  test.each([
    ['an ACK', request({ method: 'ACK', cseq: '1 INVITE' })],
    [
      'a response',
      request().replace('OPTIONS sip:bob@contoso.lab SIP/2.0', 'SIP/2.0 200 OK').replace('CSeq', 'X'),
    ],
    ['a request without Via', request().replace('Via', 'X')],
    ['a request without Call-ID', request().replace('Call-ID', 'X')],
    ['garbage', 'hello, world'],
    ['nothing', ''],
  ])('is not when it is %s', (_name, text) => {
    const { give, flow, messages, errors } = setUp();
    expect(give(text)).toBe(false);
    expect(flow.sent).toEqual([]);
    expect(messages).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  test('that a stream broke at is answered as far as it came', () => {
    const { receiver, flow } = setUp('tcp');
    const text = request().slice(0, -2);
    receiver.broken(new SipError(513, 'Message Too Large'), Buffer.from(`${text}Subject: aaaaaa`), flow);
    expect(flow.sent[0]).toMatch(/^SIP\/2\.0 513 Message Too Large\r\n/);
    receiver.broken(new SipError(513, 'Message Too Large'), Buffer.from('OPTIONS sip:a SIP/2.0'), flow);
    expect(flow.sent).toHaveLength(1);
  });
});

test('what the owner throws is not taken for an error of the peer', () => {
  const receiver = createReceiver(
    {
      onMessage() {
        throw new SipError(500, 'Bug');
      },
    },
    defaultLimits,
  );
  const flow = createFakeFlow('udp');
  expect(() => receiver.receive(Buffer.from(request()), flow)).toThrow('Bug');
  expect(flow.sent).toEqual([]);
});
