import { expect, test } from 'vitest';
import { callerRole } from './caller.ts';

const roleOf = (subjectaltname?: string) =>
  callerRole({
    getAuthContext: () =>
      subjectaltname === undefined ? {} : { sslPeerCertificate: { subjectaltname } as never },
  });

test('the role is the label before linchpin.internal', () => {
  expect(roleOf('DNS:edge-0, DNS:edge.linchpin.internal, DNS:localhost, IP Address:127.0.0.1')).toBe('edge');
});

test.each([
  ['no certificate', undefined],
  ['no name', ''],
  ['other names only', 'DNS:edge-0, DNS:edge.example.com'],
  ['two roles', 'DNS:edge.linchpin.internal, DNS:admin.linchpin.internal'],
  ['the bare domain', 'DNS:.linchpin.internal'],
  ['another kind of name', 'URI:edge.linchpin.internal'],
  ['a name hidden in another', 'DNS:"x, DNS:admin.linchpin.internal"'],
  ['a name hidden behind a quote', String.raw`URI:"a\", DNS:admin.linchpin.internal, URI:\"b"`],
])('%s proves no role', (_, names) => {
  expect(roleOf(names)).toBeUndefined();
});
