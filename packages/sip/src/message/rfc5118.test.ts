import { describe, expect, test } from 'vitest';
import type { SipRequest } from './request.ts';
import { onTheWire, parsedRequest, refusal, tortureMessages } from './torture.ts';
import { SipUri } from './uri.ts';
import { validateRequest } from './validate.ts';

const messages = tortureMessages('rfc5118');
const bytesOf = (name: string): Buffer => onTheWire(messages.get(name) ?? expect.fail(`no message ${name}`));
const hostPort = ({ host, port }: { host: string; port: number | undefined }) => [host, port];

const served: [section: string, name: string, reads: (request: SipRequest) => void][] = [
  [
    '4.1',
    'ipv6-good',
    (r) => {
      expect(hostPort(r.parsedUri)).toEqual(['[2001:db8::10]', undefined]);
      expect(hostPort(r.via)).toEqual(['[2001:db8::9:1]', undefined]);
      expect(r.contacts[0]?.parsedUri.host).toBe('[2001:db8::1]');
    },
  ],
  ['4.3', 'port-ambiguous', (r) => expect(hostPort(r.parsedUri)).toEqual(['[2001:db8::10:5070]', undefined])],
  ['4.4', 'port-unambiguous', (r) => expect(hostPort(r.parsedUri)).toEqual(['[2001:db8::10]', 5070])],
  ['4.5', 'via-received-param-with-delim', (r) => expect(r.via.received).toBe('2001:db8::9:255')],
  ['4.5', 'via-received-param-no-delim', (r) => expect(r.via.received).toBe('2001:db8::9:255')],
  [
    '4.6',
    'ipv6-in-sdp',
    (r) => {
      expect([r.parsedUri.user, ...hostPort(r.parsedUri)]).toEqual(['user', '[2001:db8::10]', undefined]);
      expect(Buffer.from(r.body).toString()).toContain('c=IN IP6 2001:db8::20\r\n');
    },
  ],
  [
    '4.7',
    'mult-ip-in-header',
    (r) => {
      expect(r.vias.map(hostPort)).toEqual([
        ['[2001:db8::9:1]', 6050],
        ['192.0.2.1', undefined],
        ['[2001:db8::9:255]', undefined],
      ]);
      expect(r.vias[2]?.received).toBe('192.0.2.200');
    },
  ],
  [
    '4.8',
    'mult-ip-in-sdp',
    (r) => expect(Buffer.from(r.body).toString()).toContain('c=IN IP6 2001:db8::1\r\n'),
  ],
  [
    '4.9',
    'ipv4-mapped-ipv6',
    (r) => {
      expect(r.vias.map(hostPort)).toEqual([
        ['[::ffff:192.0.2.10]', 19823],
        ['[::ffff:192.0.2.2]', undefined],
      ]);
      expect(r.contacts[0]?.parsedUri.host).toBe('[::ffff:192.0.2.2]');
    },
  ],
  ['4.10', 'ipv6-bug-abnf-3-colons', (r) => expect(r.parsedUri.host).toBe('[2001:db8:::192.0.2.1]')],
  ['4.10', 'ipv6-correct-abnf-2-colons', (r) => expect(r.parsedUri.host).toBe('[2001:db8::192.0.2.1]')],
];

describe('RFC 5118', () => {
  test.each(served)('%s %s is served', (_, name, reads) => {
    const request = parsedRequest(bytesOf(name));
    validateRequest(request);
    reads(request);
    expect(request.toBuffer().equals(bytesOf(name))).toBe(true);
  });

  test('4.2 ipv6-bad: 400', () => {
    expect(refusal(bytesOf('ipv6-bad'))?.status).toBe(400);
  });

  test('no message of the archive is left out', () => {
    expect([...served.map(([, name]) => name), 'ipv6-bad'].sort()).toEqual([...messages.keys()].sort());
  });

  test.each(['[2001:db8::', '[2001:db8::1]x', '[::1%eth0]', '[:::::]', '[]', '[1.2.3.4]', '2001:db8::1'])(
    'a URI with host %s is refused',
    (host) => expect(() => SipUri.parse(`sip:a@${host}`)).toThrow('400'),
  );
});
