import { type Flow, SipRequest } from '@linchpin/sip';
import { expect, test } from 'vitest';
import { createBegun } from './begun.ts';
import { RemoteFlow } from './remote-flow.ts';

const message = (branch: string): SipRequest =>
  SipRequest.create('MESSAGE', 'sip:bob@contoso.lab', [
    ['Via', `SIP/2.0/TLS client.invalid;branch=${branch}`],
  ]);

const sent: string[] = [];
const remote = (id: string, transport: 'tls' | 'udp' = 'tls'): Flow => {
  const facts = { transport, remote: { address: '192.0.2.1', port: 1 }, sentBy: 'edge:5061' };
  const deliver = (bytes: Uint8Array) => sent.push(`${id} ${Buffer.from(bytes).toString('latin1')}`) > 0;
  return new RemoteFlow({ id, host: 'frontend-0.contoso.lab', facts, deliver, hangUp() {} });
};

function setUp(answerBytes?: number) {
  let time = 0;
  sent.length = 0;
  const begun = createBegun({ now: () => time, ...(answerBytes && { answerBytes }) });
  return {
    isFirst(branch: string, flow: Flow, answer?: string): boolean {
      if (begun.isCopy(message(branch), flow)) return false;
      const keep = begun.begin(message(branch), flow);
      if (answer !== undefined) keep?.(Buffer.from(answer, 'latin1'));
      return true;
    },
    pass(milliseconds: number) {
      time += milliseconds;
    },
  };
}

test('a request is begun once on its connection, within the time in which copies come', () => {
  const { isFirst, pass } = setUp();
  expect(isFirst('z9hG4bK1', remote('edge-0/1'))).toBe(true);
  expect(isFirst('z9hG4bK1', remote('edge-0/1'))).toBe(false);
  expect(isFirst('z9hG4bK2', remote('edge-0/1'))).toBe(true);
  expect(isFirst('z9hG4bK1', remote('edge-0/2'))).toBe(true);
  pass(30_000);
  isFirst('z9hG4bK3', remote('edge-0/1'));
  expect(isFirst('z9hG4bK1', remote('edge-0/1'))).toBe(true);
});

test('a copy gets the answer that there was, byte by byte', () => {
  const { isFirst, pass } = setUp();
  isFirst('z9hG4bK1', remote('edge-0/1'), 'SIP/2.0 200 \u00fc');
  isFirst('z9hG4bK2', remote('edge-0/1'));
  expect(isFirst('z9hG4bK2', remote('edge-0/1'))).toBe(false);
  expect(sent).toEqual([]);
  pass(9_000);
  expect(isFirst('z9hG4bK1', remote('edge-0/1'))).toBe(false);
  expect(sent).toEqual(['edge-0/1 SIP/2.0 200 \u00fc']);
});

test('no more answers are kept than there is room for, and nothing is begun twice for that', () => {
  const { isFirst } = setUp(100);
  for (let n = 0; n < 20; n++) isFirst(`z9hG4bK${n}`, remote('edge-0/1'), 'x'.repeat(20));
  for (let n = 0; n < 20; n++) expect(isFirst(`z9hG4bK${n}`, remote('edge-0/1'))).toBe(false);
  expect(sent.length).toBeGreaterThan(0);
  expect(sent.length * 20).toBeLessThanOrEqual(100);
});

test('datagrams and clients without branches are left to their transactions', () => {
  const { isFirst } = setUp();
  for (let copy = 0; copy < 2; copy++) {
    expect(isFirst('z9hG4bK1', remote('frontend-1/udp', 'udp'))).toBe(true);
    expect(isFirst('old', remote('edge-0/1'))).toBe(true);
  }
});
