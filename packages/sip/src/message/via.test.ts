import { describe, expect, test } from 'vitest';
import { Via } from './via.ts';

describe('Via', () => {
  test('reads and writes', () => {
    const text = 'SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx;received=192.0.2.1;rport=4000';
    const via = Via.parse(text);
    expect(via).toMatchObject({ protocol: 'SIP/2.0', transport: 'TLS', host: '[2001:db8::1]', port: 5061 });
    expect([via.branch, via.received, via.rport]).toEqual(['z9hG4bKx', '192.0.2.1', 4000]);
    expect(via.toString()).toBe(text);
  });

  test('white space and letter case are of no importance', () => {
    const via = Via.parse(' sip / 2.0\t/ udp  host.example : 5060 ; Branch = z9hG4bKx ; RPORT ');
    expect(via.toString()).toBe('SIP/2.0/UDP host.example:5060;branch=z9hG4bKx;rport');
    expect([via.rport, via.params.has('rport')]).toEqual([undefined, true]);
  });

  test.each([
    '',
    'SIP/2.0',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0/ host',
    'SIP//UDP host',
    '/2.0/UDP host',
    'SIP/2.0/UDPhost',
    'SIP/2.0x/UDP host',
    'SIP/2.0/UDP host:',
    'SIP/2.0/UDP host:x',
    'SIP/2.0/UDP host:70000',
    'SIP/2.0/UDP host;',
    'SIP/2.0/UDP host;branch=',
    'SIP/2.0/UDP host;branch=a;branch=b',
    'SIP/2.0/UDP host branch=a',
    'SIP/2.0/UDP [::1',
    'SIP/2.0/UDP ho"st',
  ])('refuses %j', (text) => {
    expect(() => Via.parse(text)).toThrow('400 Malformed via');
  });

  test('a bad rport is refused when it is read', () => {
    expect(() => Via.parse('SIP/2.0/UDP host;rport=x').rport).toThrow('400 Malformed via');
  });
});
