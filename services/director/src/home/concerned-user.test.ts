import { SipRequest } from '@linchpin/sip';
import { expect, test } from 'vitest';
import { concernedUser } from './concerned-user.ts';

const request = (method: string, uri: string, to: string) => SipRequest.create(method, uri, [['To', to]]);

test.each([
  ['REGISTER', 'sip:contoso.lab', '<sip:bob@contoso.lab>', 'sip:bob@contoso.lab'],
  ['PUBLISH', 'sip:bob@contoso.lab', '<sip:carol@contoso.lab>', 'sip:bob@contoso.lab'],
  ['SUBSCRIBE', 'sip:bob@contoso.lab', '<sip:carol@contoso.lab>', 'sip:bob@contoso.lab'],
  ['SUBSCRIBE', 'sip:10.0.0.1:5060', '<sip:bob@contoso.lab>;tag=1', 'sip:bob@contoso.lab'],
  ['CANCEL', 'sips:bob@Contoso.lab:5061', '<sip:bob@contoso.lab>', 'sip:bob@contoso.lab'],
  ['OPTIONS', 'sip:contoso.lab', '<sip:contoso.lab>', undefined],
  ['MESSAGE', 'tel:+4930123', '<sip:bob@contoso.lab>', undefined],
])('%s to %s concerns its user', (method, uri, to, user) => {
  expect(concernedUser(request(method, uri, to))).toBe(user);
});
