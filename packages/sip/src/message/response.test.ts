import { describe, expect, test } from 'vitest';
import { parseMessage } from './parse.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';

const request = (method: string, to = '<sip:b@x>') =>
  SipRequest.create(method, 'sip:b@x', [
    ['Via', 'SIP/2.0/UDP one;branch=z9hG4bK1, SIP/2.0/UDP two'],
    ['Via', 'SIP/2.0/UDP three'],
    ['Record-Route', '<sip:p;lr>'],
    ['From', '<sip:a@x>;tag=1'],
    ['To', to],
    ['Call-ID', 'abc'],
    ['CSeq', `1 ${method}`],
    ['Timestamp', '54'],
    ['Contact', '<sip:a@y>'],
  ]);
const names = (response: SipResponse) => response.lines.map(({ name }) => name);

describe('SipResponse.to', () => {
  test('copies what RFC 3261 8.2.6.2 names, and tags To', () => {
    const response = SipResponse.to(request('OPTIONS'), 404);
    expect(names(response)).toEqual(['via', 'via', 'from', 'to', 'call-id', 'cseq']);
    expect([response.status, response.reason]).toEqual([404, 'Not Found']);
    expect(response.vias).toHaveLength(3);
    expect(response.to.tag).toMatch(/^[0-9a-f]{16}$/);
    expect(parseMessage(response.toBuffer())).toBeInstanceOf(SipResponse);
  });

  test('a 100 has no tag and repeats Timestamp', () => {
    const response = SipResponse.to(request('INVITE'), 100);
    expect([response.to.tag, response.get('timestamp')]).toEqual([undefined, '54']);
  });

  test.each([
    ['INVITE', 180, true],
    ['INVITE', 200, true],
    ['SUBSCRIBE', 200, true],
    ['INVITE', 486, false],
    ['REGISTER', 200, false],
    ['INVITE', 100, false],
  ])('%s %d repeats Record-Route: %s', (method, status, repeats) => {
    expect(SipResponse.to(request(method), status).has('record-route')).toBe(repeats);
  });

  test('takes tag, headers and body', () => {
    const body = Buffer.from('x');
    const options = { toTag: 't', headers: [['Retry-After', '5'] as [string, string]], body };
    const response = SipResponse.to(request('INVITE'), 503, 'Busy', options);
    expect([response.reason, response.to.tag, response.get('retry-after'), response.body]).toEqual([
      'Busy',
      't',
      '5',
      body,
    ]);
  });

  test('a tag that is there stays; a To that cannot be read goes back as it came', () => {
    expect(SipResponse.to(request('BYE', '<sip:b@x>;tag=9'), 200, 'OK', { toTag: 't' }).to.tag).toBe('9');
    for (const to of ['"b <sip:b@x>', '<sip:b@x>;tag'])
      expect(SipResponse.to(request('BYE', to), 400).get('to')).toBe(to);
  });

  test('the request is left as it was', () => {
    const asked = request('INVITE');
    const before = asked.toBuffer();
    SipResponse.to(asked, 200).set('From', '<sip:c@x>');
    expect(asked.toBuffer()).toEqual(before);
  });
});
