import { type Flow, SipRequest, SipResponse } from '@linchpin/sip';
import { describe, expect, test } from 'vitest';
import { createRelayedTransactions } from './relayed.ts';

const udp = { reliable: false, remote: { address: '192.0.2.1', port: 5060 } } as Flow;
const tcp = { reliable: true, remote: { address: '192.0.2.1', port: 5060 } } as Flow;

const request = (method: string, branch = 'z9hG4bK1') =>
  SipRequest.create(method, 'sip:bob@contoso.lab', [
    ['Via', `SIP/2.0/UDP 192.0.2.1:5060;branch=${branch}`],
    ['From', '<sip:alice@contoso.lab>;tag=a'],
    ['Call-ID', 'c'],
    ['CSeq', `1 ${method}`],
  ]);
const to = (pod: string) => ({ pod, identity: 'sip:alice@contoso.lab', hops: 1 });

describe('a relayed transaction', () => {
  test('is found by its copies, its CANCEL and its ACK', () => {
    const relayed = createRelayedTransactions();
    relayed.add(request('INVITE'), tcp, to('frontend-1'));
    for (const method of ['INVITE', 'CANCEL', 'ACK'])
      expect(relayed.find(request(method), tcp)?.pod).toBe('frontend-1');
    expect(relayed.find(request('ACK', 'z9hG4bK2'), tcp)).toBeUndefined();
    expect(relayed.find(request('MESSAGE'), tcp)).toBeUndefined();
  });

  test('of a client of RFC 2543 is found as well', () => {
    const relayed = createRelayedTransactions();
    relayed.add(request('INVITE', '1'), udp, to('frontend-1'));
    expect(relayed.find(request('ACK', '1'), udp)?.pod).toBe('frontend-1');
  });

  test('is found by what is answered to its CANCEL, but for a client of RFC 2543', () => {
    const relayed = createRelayedTransactions();
    relayed.add(request('INVITE'), tcp, to('frontend-1'));
    relayed.add(request('INVITE', '1'), tcp, to('frontend-1'));
    const podOf = (branch: string) =>
      relayed.ofResponse(SipResponse.to(request('CANCEL', branch), 481), tcp)?.pod;
    expect(['z9hG4bK1', 'z9hG4bK2', '1'].map(podOf)).toEqual(['frontend-1', undefined, undefined]);
  });

  test('other than INVITE is remembered over UDP only', () => {
    const relayed = createRelayedTransactions();
    relayed.add(request('MESSAGE'), tcp, to('frontend-1'));
    expect(relayed.find(request('MESSAGE'), tcp)).toBeUndefined();
    relayed.add(request('MESSAGE'), udp, to('frontend-1'));
    expect(relayed.find(request('MESSAGE'), udp)?.pod).toBe('frontend-1');
  });

  test('is forgotten when it cannot live any more', () => {
    let time = 0;
    const relayed = createRelayedTransactions({ now: () => time });
    relayed.add(request('MESSAGE', 'z9hG4bK1'), udp, to('frontend-1'));
    relayed.add(request('INVITE', 'z9hG4bK1'), udp, to('frontend-1'));
    time = 32_000;
    relayed.add(request('MESSAGE', 'z9hG4bK2'), udp, to('frontend-1'));
    expect(relayed.find(request('MESSAGE', 'z9hG4bK1'), udp)).toBeDefined();
    time = 64_000;
    relayed.add(request('MESSAGE', 'z9hG4bK3'), udp, to('frontend-1'));
    expect(relayed.find(request('MESSAGE', 'z9hG4bK1'), udp)).toBeUndefined();
    expect(relayed.find(request('INVITE', 'z9hG4bK1'), udp)).toBeDefined();
  });

  test('takes a bounded place', () => {
    const relayed = createRelayedTransactions({ capacity: 10 });
    for (let n = 0; n < 100; n++) relayed.add(request('MESSAGE', `z9hG4bK${n}`), udp, to('frontend-1'));
    expect(relayed.size).toBeLessThanOrEqual(20);
  });
});
