import { expect, test } from 'vitest';
import { createUnderWay, noteOutward } from './under-way.ts';

const answer = (status: number, method = 'INVITE') =>
  Buffer.from(`SIP/2.0 ${status} x\r\nVia: SIP/2.0/TLS h\r\nCSeq: 7 ${method}\r\n\r\n`);

test('a connection is busy for a moment after each message', () => {
  const underWay = createUnderWay(0);
  expect([underWay.busy(999), underWay.busy(1_000)]).toEqual([true, false]);
  noteOutward(underWay, answer(200, 'MESSAGE'), 5_000);
  expect([underWay.busy(5_999), underWay.busy(6_000)]).toEqual([true, false]);
});

test('and for as long as a call rings', () => {
  const underWay = createUnderWay(0);
  underWay.inviteBegan(0);
  noteOutward(underWay, answer(180), 1_000);
  noteOutward(underWay, answer(200, 'CANCEL'), 2_000);
  expect(underWay.busy(30_000)).toBe(true);
  noteOutward(underWay, answer(487), 30_000);
  expect(underWay.busy(32_000)).toBe(false);
});

test('in either direction, but not for ever', () => {
  const underWay = createUnderWay(0);
  noteOutward(underWay, Buffer.from('INVITE sip:a@b SIP/2.0\r\n\r\n'), 0);
  expect([underWay.busy(179_000), underWay.busy(180_000)]).toEqual([true, false]);
  underWay.inviteEnded();
  expect(underWay.busy(20_000)).toBe(false);
});
