import { describe, expect, test } from 'vitest';
import { SipError } from './error.ts';
import { SipUri } from './uri.ts';

describe('SipUri.parse', () => {
  test('reads every part and writes it as it was', () => {
    const text = 'sips:alice:secret@contoso.lab:5061;transport=tcp;lr?subject=a%20b&priority=urgent';
    const uri = SipUri.parse(text);
    expect(uri).toMatchObject({
      scheme: 'sips',
      user: 'alice',
      password: 'secret',
      host: 'contoso.lab',
      port: 5061,
    });
    expect([...uri.params]).toEqual([
      ['transport', 'tcp'],
      ['lr', undefined],
    ]);
    expect(uri.headers).toBe('subject=a%20b&priority=urgent');
    expect(uri.toString()).toBe(text);
  });

  test.each([
    '',
    'sip',
    'sip:',
    ':a@b',
    'sip:@b',
    'sip:a@',
    'sip:a b@c',
    'sip:a@b:',
    'sip:a@b:x',
    'sip:a@b:65536',
    'sip:a@b:123456',
    'sip:a@b;',
    'sip:a@b;;lr',
    'sip:a@b;x=',
    'sip:a@b;x=1;X=2',
    'sip:a@b/path',
    'sip:a%4@b',
    'sip:a%zz@b',
    'sip:a@b;p=%4',
    'sip:a@b?h=%x',
    'sip:a@b?h=\r\nVia: x',
    'sip:ä@b',
    'sip:a@b@c',
    '<sip:a@b>',
    's\u0000p:a@b',
  ])('refuses %j', (text) => {
    expect(() => SipUri.parse(text)).toThrow(new SipError(400, 'Malformed URI'));
  });

  test.each(['tel:+15551234', 'http://a/b', 'urn:uuid:1', 'soap.beep://a'])(
    '%s has another scheme',
    (text) => {
      expect(() => SipUri.parse(text)).toThrow(new SipError(416, 'Unsupported URI Scheme'));
    },
  );

  test.each([
    ['sip:Alice@Contoso.LAB:5061;transport=tls', 'sip:Alice@contoso.lab'],
    ['sips:%61lice@contoso.lab', 'sip:alice@contoso.lab'],
    ['sip:a%3bb%40c@contoso.lab', 'sip:a%3Bb%40c@contoso.lab'],
    ['sip:contoso.lab', 'sip:contoso.lab'],
  ])('the address of record of %s is %s', (text, aor) => {
    expect(SipUri.parse(text).aor()).toBe(aor);
  });
});

// The examples of RFC 3261 19.1.4.
describe('SipUri.equals', () => {
  test.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
  ])('%s equals %s', (a, b) => {
    expect(SipUri.parse(a).equals(SipUri.parse(b))).toBe(true);
    expect(SipUri.parse(b).equals(SipUri.parse(a))).toBe(true);
  });

  test.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:carol@chicago.com', 'sips:carol@chicago.com'],
    ['sip:a;b@chicago.com', 'sip:a%3bb@chicago.com'],
    ['sip:a:x@chicago.com', 'sip:a@chicago.com'],
  ])('%s does not equal %s', (a, b) => {
    expect(SipUri.parse(a).equals(SipUri.parse(b))).toBe(false);
    expect(SipUri.parse(b).equals(SipUri.parse(a))).toBe(false);
  });
});
