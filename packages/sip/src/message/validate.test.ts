import { describe, expect, test } from 'vitest';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';
import { validateRequest, validateResponse } from './validate.ts';

const good: Record<string, string> = {
  Via: 'SIP/2.0/UDP x;branch=z9hG4bK1',
  From: '<sip:a@b>;tag=1',
  To: '<sip:b@b>',
  'Call-ID': 'abc',
  CSeq: '1 OPTIONS',
  'Max-Forwards': '70',
};
const request = (changes: Record<string, string | undefined> = {}, uri = 'sip:b@b') => {
  const headers = Object.entries({ ...good, ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return SipRequest.create('OPTIONS', uri, headers);
};

describe('validateRequest', () => {
  test('takes what is whole', () => {
    validateRequest(request());
    validateRequest(request({ 'Max-Forwards': undefined, From: 'sip:a@b', Via: 'SIP/2.0/UDP x' }));
  });

  test.each(['Via', 'From', 'To', 'Call-ID', 'CSeq'])('%s has to be there', (name) => {
    expect(() => validateRequest(request({ [name]: undefined }))).toThrow(
      `400 Missing ${name.toLowerCase()}`,
    );
  });

  test.each(['From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards', 'Expires', 'Event', 'Content-Type'])(
    '%s stands once',
    (name) => {
      const message = request({ Expires: '1', Event: 'x', 'Content-Type': 'a/b' });
      message.append(name, message.get(name) ?? '');
      expect(() => validateRequest(message)).toThrow(`400 Repeated ${name.toLowerCase()}`);
    },
  );

  test.each([
    ['From', 'x'],
    ['To', '<>'],
    ['To', '<sip:b@b>;tag'],
    ['From', '<sip:a@b>;x;TAG'],
    ['Via', 'x'],
    ['CSeq', 'x'],
    ['Call-ID', 'a b'],
    ['Max-Forwards', '300'],
  ])('%s: %s is malformed', (name, value) => {
    expect(() => validateRequest(request({ [name]: value }))).toThrow(`400 Malformed ${name.toLowerCase()}`);
  });

  test('the Request-URI has to be a plain SIP URI', () => {
    expect(() => validateRequest(request({}, 'sip:b@b?Subject=x'))).toThrow('400');
    expect(() => validateRequest(request({}, 'sip:b@@b'))).toThrow('400');
    expect(() => validateRequest(request({}, 'tel:+1555'))).toThrow('416');
  });
});

describe('validateResponse', () => {
  test('takes what is whole, refuses what is not', () => {
    const response = SipResponse.to(request(), 200);
    validateResponse(response);
    response.append('CSeq', '2 OPTIONS');
    expect(() => validateResponse(response)).toThrow('400 Repeated cseq');
  });
});
