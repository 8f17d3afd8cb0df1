import { type Flow, SipRequest } from '@linchpin/sip';
import { expect, test } from 'vitest';
import { createBegun } from './begun.ts';
import { RemoteFlow } from './remote-flow.ts';

const message = (branch: string): SipRequest =>
  SipRequest.create('MESSAGE', 'sip:bob@contoso.lab', [
    ['Via', `SIP/2.0/TLS client.invalid;branch=${branch}`],
  ]);

const remote = (id: string, transport: 'tls' | 'udp' = 'tls'): Flow => {
  const facts = { transport, remote: { address: '192.0.2.1', port: 1 }, sentBy: 'edge:5061' };
  return new RemoteFlow({ id, host: 'frontend-0.contoso.lab', facts, deliver: () => true, hangUp() {} });
};

test('a request is begun once on its connection, within the time in which copies come', () => {
  let time = 0;
  const isFirst = createBegun(() => time);
  expect(isFirst(message('z9hG4bK1'), remote('edge-0/1'))).toBe(true);
  expect(isFirst(message('z9hG4bK1'), remote('edge-0/1'))).toBe(false);
  expect(isFirst(message('z9hG4bK2'), remote('edge-0/1'))).toBe(true);
  expect(isFirst(message('z9hG4bK1'), remote('edge-0/2'))).toBe(true);
  time = 30_000;
  isFirst(message('z9hG4bK3'), remote('edge-0/1'));
  expect(isFirst(message('z9hG4bK1'), remote('edge-0/1'))).toBe(true);
});

test('datagrams and clients without branches are left to their transactions', () => {
  const isFirst = createBegun();
  for (let copy = 0; copy < 2; copy++) {
    expect(isFirst(message('z9hG4bK1'), remote('frontend-1/udp', 'udp'))).toBe(true);
    expect(isFirst(message('old'), remote('edge-0/1'))).toBe(true);
  }
});
