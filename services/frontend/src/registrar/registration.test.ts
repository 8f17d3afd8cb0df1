import { SipError, SipRequest } from '@linchpin/sip';
import { describe, expect, test } from 'vitest';
import { Refused } from '../refused.ts';
import { readRegistration } from './registration.ts';

const limits = { minExpires: 300, defaultExpires: 600, maxExpires: 900 };

function register(...headers: [string, string][]): SipRequest {
  return SipRequest.create('REGISTER', 'sip:contoso.lab', [
    ['Via', 'SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1'],
    ...headers,
  ]);
}
const read = (...headers: [string, string][]) => readRegistration(register(...headers), limits);
const expiresOf = (...headers: [string, string][]) => read(...headers).contacts.map(({ expires }) => expires);

function refusal(run: () => unknown): { status: number } {
  try {
    run();
  } catch (error) {
    if (error instanceof Refused || error instanceof SipError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('the interval of a contact', () => {
  test.each([
    ['its own parameter goes before the header', '<sip:a@b>;expires=400', '500', 400],
    ['the header goes before the default', '<sip:a@b>', '500', 500],
    ['the default', '<sip:a@b>', undefined, 600],
    ['a longer one is shortened', '<sip:a@b>;expires=4294967295', undefined, 900],
    ['a malformed one counts as none', '<sip:a@b>;expires=soon', undefined, 600],
    ['zero removes', '<sip:a@b>;expires=0', '500', 0],
  ])('%s', (_rule, contact, expires, granted) => {
    const headers: [string, string][] = [['Contact', contact]];
    if (expires !== undefined) headers.push(['Expires', expires]);
    expect(expiresOf(...headers)).toEqual([granted]);
  });

  test('too short is refused as a whole', () => {
    const run = () => read(['Contact', '<sip:a@b>;expires=600, <sip:c@d>;expires=10']);
    expect(refusal(run)).toMatchObject({ status: 423, headers: [['Min-Expires', '300']] });
  });
});

describe('"*"', () => {
  test('removes all with Expires 0 and nothing else', () => {
    expect(read(['Contact', '*'], ['Expires', '0'])).toMatchObject({ removeAll: true, contacts: [] });
    expect(refusal(() => read(['Contact', '*'])).status).toBe(400);
    expect(refusal(() => read(['Contact', '*'], ['Expires', '60'])).status).toBe(400);
    expect(refusal(() => read(['Contact', '*, <sip:a@b>'], ['Expires', '0'])).status).toBe(400);
  });
});

describe('outbound (RFC 5626 6)', () => {
  const device = '<sip:a@b>;+sip.instance="<urn:uuid:1>";reg-id=1';
  const supported: [string, string] = ['Supported', 'path, outbound'];

  test('applies where the client supports it and comes directly', () => {
    const { contacts, outbound } = read(['Contact', device], supported);
    expect(outbound).toBe(true);
    expect(contacts[0]).toMatchObject({ instance: 'urn:uuid:1', regId: 1 });
  });

  test('is ignored where the client does not support it, or names no instance', () => {
    expect(read(['Contact', device])).toMatchObject({ outbound: false, contacts: [{ regId: undefined }] });
    expect(read(['Contact', '<sip:a@b>;reg-id=1'], supported).outbound).toBe(false);
  });

  test('needs a first hop that takes part', () => {
    const via: [string, string] = ['Via', 'SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK2'];
    expect(refusal(() => read(via, ['Contact', device], supported)).status).toBe(439);
    const path: [string, string] = ['Path', '<sip:p@192.0.2.9;lr;ob>'];
    expect(read(via, path, ['Contact', device], supported)).toMatchObject({
      outbound: true,
      path: ['<sip:p@192.0.2.9;lr;ob>'],
    });
  });

  test('registers one flow at a time', () => {
    expect(refusal(() => read(['Contact', `${device}, <sip:c@d>`], supported)).status).toBe(400);
    expect(read(['Contact', `${device}, <sip:c@d>;expires=0`], supported).outbound).toBe(true);
  });
});

test('what else is said about a contact is kept as it was written', () => {
  const [contact] = read(['Contact', '<sip:a@b;x=y>;q=0.7;expires=300;methods="INVITE,ACK";audio']).contacts;
  expect(contact).toMatchObject({
    contact: 'sip:a@b;x=y',
    params: ';q=0.7;methods="INVITE,ACK";audio',
    q: 0.7,
  });
});
