import { describe, expect, test } from 'vitest';
import { parseMessage } from './parse.ts';
import { SipRequest } from './request.ts';
import { SipResponse } from './response.ts';

const lines = [
  'INVITE sip:bob@contoso.lab SIP/2.0',
  'v: SIP/2.0/UDP a.lab;branch=z9hG4bK1 ,  SIP/2.0/TCP b.lab',
  'VIA : SIP/2.0/UDP c.lab',
  'X-Odd:\tone ,\r\n\ttwo  ',
  'f: "A, B" <sip:a@contoso.lab>;tag=1',
  'To: <sip:bob@contoso.lab>',
  'Call-ID: abc',
  'CSeq: 7 INVITE',
  'Record-Route: <sip:p1.lab;lr>, <sip:p2.lab;lr>',
  'Contact: "<,>" <sip:a@1.2.3.4;x=y?h=1,2>;q=0.5, sip:c@d',
  'Content-Length: 5',
];
const wire = Buffer.from(`${lines.join('\r\n')}\r\n\r\nhello`);
const parsed = () => parseMessage(wire) as SipRequest;
const linesOf = (message: SipRequest | SipResponse) =>
  message
    .toBuffer()
    .toString('latin1')
    .split('\r\n\r\n')[0]
    ?.split(/\r\n(?![ \t])/);

describe('reading headers', () => {
  test('get, getAll, values, has, count', () => {
    const message = parsed();
    expect(message.get('x-odd')).toBe('one , two');
    expect(message.get('X-ODD')).toBe('one , two');
    expect(message.getAll('via')).toEqual([
      'SIP/2.0/UDP a.lab;branch=z9hG4bK1 ,  SIP/2.0/TCP b.lab',
      'SIP/2.0/UDP c.lab',
    ]);
    expect(message.values('Via')).toEqual([
      'SIP/2.0/UDP a.lab;branch=z9hG4bK1',
      'SIP/2.0/TCP b.lab',
      'SIP/2.0/UDP c.lab',
    ]);
    expect([message.has('V'), message.has('route'), message.count('via')]).toEqual([true, false, 2]);
    expect(message.get('route')).toBeUndefined();
  });

  test('typed headers', () => {
    const message = parsed();
    expect(message.via.host).toBe('a.lab');
    expect(message.vias.map(({ host }) => host)).toEqual(['a.lab', 'b.lab', 'c.lab']);
    expect([message.from.displayName, message.from.tag, message.to.tag]).toEqual(['A, B', '1', undefined]);
    expect(message.contacts.map(({ uri }) => uri)).toEqual(['sip:a@1.2.3.4;x=y?h=1,2', 'sip:c@d']);
    expect(message.recordRoutes.map(({ uri }) => uri)).toEqual(['sip:p1.lab;lr', 'sip:p2.lab;lr']);
    expect([message.routes, message.maxForwards, message.expires, message.contentType]).toEqual([
      [],
      undefined,
      undefined,
      undefined,
    ]);
  });

  test.each([
    ['CSeq', 'x INVITE'],
    ['CSeq', '1'],
    ['CSeq', '1INVITE'],
    ['CSeq', '1 INVITE x'],
    ['CSeq', '2147483648 INVITE'],
    ['CSeq', '-1 INVITE'],
    ['Max-Forwards', '256'],
    ['Max-Forwards', '-1'],
    ['Max-Forwards', ''],
    ['Expires', '4294967296'],
    ['Expires', '1.5'],
    ['Contact', '<sip:a@b>,'],
    ['Contact', ''],
    ['Call-ID', ''],
  ])('%s: %s is refused by name', (name, value) => {
    const message = parsed();
    message.set(name, value);
    const read = () => [message.cseq, message.maxForwards, message.expires, message.contacts, message.callId];
    expect(read).toThrow(`400 Malformed ${name.toLowerCase()}`);
  });

  test('a missing header is named', () => {
    const message = parsed();
    message.delete('to');
    expect(() => message.to).toThrow('400 Missing to');
  });

  test('a comment hides its commas in User-Agent, a parenthesis none in a URI', () => {
    const message = SipRequest.create('OPTIONS', 'sip:a', [
      ['User-Agent', 'x (a, (b, c\\)), d), y'],
      ['Contact', 'sip:a(b@c, sip:d)e@f'],
    ]);
    expect(message.values('user-agent')).toEqual(['x (a, (b, c\\)), d)', 'y']);
    expect(message.contacts).toHaveLength(2);
  });
});

describe('changing headers', () => {
  test('what is not changed keeps its bytes', () => {
    expect(parsed().toBuffer().equals(wire)).toBe(true);
    const message = parsed();
    message.set('Max-Forwards', '70');
    message.prepend('via', 'SIP/2.0/UDP new.lab');
    message.append('record-route', '<sip:p3.lab;lr>');
    message.delete('call-id');
    const expected = [...lines, 'Max-Forwards: 70'];
    expected.splice(9, 0, 'Record-Route: <sip:p3.lab;lr>');
    expected.splice(6, 1);
    expected.splice(1, 0, 'Via: SIP/2.0/UDP new.lab');
    expect(linesOf(message)).toEqual(expected);
  });

  test('set puts one line in the place of all', () => {
    const message = parsed();
    message.set('Via', 'SIP/2.0/UDP only.lab');
    expect(linesOf(message)?.slice(0, 3)).toEqual([lines[0], 'Via: SIP/2.0/UDP only.lab', lines[3]]);
    expect(message.vias.map(({ host }) => host)).toEqual(['only.lab']);
  });

  test('dropFirst takes off elements one by one, across lines', () => {
    const message = parsed();
    const hosts = () => message.vias.map(({ host }) => host);
    message.dropFirst('via');
    expect([hosts(), linesOf(message)?.[1]]).toEqual([['b.lab', 'c.lab'], 'v: SIP/2.0/TCP b.lab']);
    message.dropFirst('via');
    expect([hosts(), linesOf(message)?.[1]]).toEqual([['c.lab'], lines[2]]);
    message.dropFirst('via');
    message.dropFirst('via');
    expect(message.has('via')).toBe(false);
  });

  test('replaceFirst changes the first element only', () => {
    const message = parsed();
    const via = message.via;
    via.params.set('received', '192.0.2.9').set('rport', '5070');
    message.replaceFirst('via', via.toString());
    expect(linesOf(message)?.[1]).toBe(
      'v: SIP/2.0/UDP a.lab;branch=z9hG4bK1;received=192.0.2.9;rport=5070, SIP/2.0/TCP b.lab',
    );
    expect(message.via.received).toBe('192.0.2.9');
    message.replaceFirst('route', '<sip:x;lr>');
    expect(message.routes[0]?.uri).toBe('sip:x;lr');
  });

  test('a typed header is read anew after a change', () => {
    const message = parsed();
    expect([message.cseq.seq, message.contacts.length]).toEqual([7, 2]);
    message.set('CSeq', '8 INVITE');
    message.delete('Contact');
    expect([message.cseq.seq, message.contacts.length]).toEqual([8, 0]);
  });

  test('a clone changes alone', () => {
    const message = parsed();
    const copy = message.clone();
    copy.uri = 'sip:other';
    copy.dropFirst('via');
    copy.via.params.set('x', 'y');
    expect(copy).toBeInstanceOf(SipRequest);
    expect(message.toBuffer().equals(wire)).toBe(true);
  });

  test('Content-Length is that of the body, once', () => {
    const message = parsed();
    message.append('Content-Length', '9');
    message.body = Buffer.from('longer body');
    expect(
      message
        .toBuffer()
        .toString('latin1')
        .match(/Content-Length.*/g),
    ).toEqual(['Content-Length: 11']);
    message.set('l', '011');
    expect(message.toBuffer().toString('latin1')).toContain('\r\nContent-Length: 011\r\n');
    message.delete('l');
    message.body = new Uint8Array(0);
    expect(message.toBuffer().toString('latin1')).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
  });

  test.each(['a\r\nX-Evil: 1', 'a\nb', 'a\rb', '日本'])('%j is no header value', (value) => {
    expect(() => parsed().set('Subject', value)).toThrow('500');
    expect(() => parsed().replaceFirst('via', value)).toThrow('500');
  });

  test('neither start line takes a line break', () => {
    const request = parsed();
    request.uri = 'sip:a\r\nX-Evil: 1';
    expect(() => request.toBuffer()).toThrow('500');
    expect(() => SipResponse.to(parsed(), 400, 'No\r\nX-Evil: 1').toBuffer()).toThrow('500');
    expect(() => parsed().set('X Y', 'z')).toThrow('500');
  });
});
