import { expect, test } from 'vitest';
import { parseMessage } from '../message/parse.ts';
import { createUnderWay } from './under-way.ts';

const headers = (method: string) =>
  `Via: SIP/2.0/TLS h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: i\r\nCSeq: 7 ${method}\r\nContent-Length: 0\r\n\r\n`;
const answer = (status: number, method = 'INVITE') =>
  Buffer.from(`SIP/2.0 ${status} x\r\n${headers(method)}`);
const invite = Buffer.from(`INVITE sip:a@b SIP/2.0\r\n${headers('INVITE')}`);

test('a connection is busy for a moment after each message', () => {
  const underWay = createUnderWay(0);
  expect([underWay.busy(999), underWay.busy(1_000)]).toEqual([true, false]);
  underWay.passedBytes(answer(200, 'MESSAGE'), 5_000);
  expect([underWay.busy(5_999), underWay.busy(6_000)]).toEqual([true, false]);
});

test('and for as long as a call rings', () => {
  const underWay = createUnderWay(0);
  underWay.passed(parseMessage(invite), 0);
  underWay.passedBytes(answer(180), 1_000);
  underWay.passedBytes(answer(200, 'CANCEL'), 2_000);
  expect(underWay.busy(30_000)).toBe(true);
  underWay.passedBytes(answer(487), 30_000);
  expect(underWay.busy(32_000)).toBe(false);
});

test('in either direction, but not for ever', () => {
  const underWay = createUnderWay(0);
  underWay.passedBytes(invite, 0);
  expect([underWay.busy(179_000), underWay.busy(180_000)]).toEqual([true, false]);
  underWay.passed(parseMessage(answer(200)), 1_000);
  expect(underWay.busy(20_000)).toBe(false);
});
