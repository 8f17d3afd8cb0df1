import { expect, test } from 'vitest';
import { SipRequest } from '../message/request.ts';
import { concernedUser } from './concerned-user.ts';

const server = 'sip:127.0.0.1:5060;transport=tcp';

function request(method: string, uri: string, to = uri): SipRequest {
  return SipRequest.create(method, uri, [
    ['From', '<sip:alice@contoso.lab>;tag=a'],
    ['To', to.includes('<') ? to : `<${to}>`],
    ['Call-ID', 'c'],
    ['CSeq', `1 ${method}`],
  ]);
}

test.each([
  ['REGISTER is about its To', request('REGISTER', 'sip:contoso.lab', 'sip:bob@contoso.lab')],
  ['PUBLISH is about its Request-URI', request('PUBLISH', 'sip:bob@contoso.lab')],
  [
    'SUBSCRIBE is about its Request-URI',
    request('SUBSCRIBE', 'sip:bob@contoso.lab', 'sip:carol@contoso.lab'),
  ],
  ['SUBSCRIBE in its dialog is about its To', request('SUBSCRIBE', server, '<sip:bob@contoso.lab>;tag=b')],
  ['MESSAGE is about its Request-URI', request('MESSAGE', 'sip:bob@contoso.lab', 'sip:carol@contoso.lab')],
  ['INVITE is about its Request-URI', request('INVITE', 'sip:bob@contoso.lab')],
  ['CANCEL is about what its INVITE was', request('CANCEL', 'sip:bob@contoso.lab')],
  [
    'ACK of a refusal is about what its INVITE was',
    request('ACK', 'sip:bob@contoso.lab', '<sip:bob@contoso.lab>;tag=b'),
  ],
  ['port, parameters and scheme make no other user', request('MESSAGE', 'sips:bob@Contoso.LAB:5061;x=y')],
])('%s', (_, asked) => {
  expect(concernedUser(asked)).toBe('sip:bob@contoso.lab');
});

test.each([
  ['OPTIONS to the server', request('OPTIONS', 'sip:contoso.lab')],
  ['a registrar without a user', request('REGISTER', 'sip:contoso.lab', 'sip:contoso.lab')],
  ['another scheme', request('MESSAGE', 'tel:+4930123', 'sip:bob@contoso.lab')],
  ['a Request-URI that cannot be read', request('MESSAGE', 'sip:bob@', 'sip:bob@contoso.lab')],
  ['a To that cannot be read', request('REGISTER', 'sip:contoso.lab', '<sip:bob@contoso.lab')],
])('nobody is concerned by %s', (_, asked) => {
  expect(concernedUser(asked)).toBeUndefined();
});

test('a Contact in a dialog names its user at another domain', () => {
  expect(concernedUser(request('BYE', 'sip:bob@192.0.2.7:40000'))).toBe('sip:bob@192.0.2.7');
});
