import { mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { createAuthority, type Identity } from '@linchpin/backends';
import type { Home } from './home.ts';
import { ROLES } from './layout.ts';
import type { Settings } from './settings.ts';

/** Makes the CA and what it signs, renews what ends soon; resolves to the names of new certificates. */
export async function ensureCertificates(home: Home, settings: Settings): Promise<string[]> {
  // Clients of other users read the CA; the keys inside are closed on their own.
  await mkdir(home.pki, { recursive: true, mode: 0o711 });
  const authority = createAuthority(home.pki);
  await authority.ready();
  const wanted = identities(home, settings);
  const written = await Promise.all(wanted.map((identity) => authority.issue(identity)));
  return wanted.filter((_, index) => written[index]).map(({ name }) => name);
}

function identities(home: Home, settings: Settings): Identity[] {
  const internal = (file: string, name: string): Identity =>
    identity(home, file, name, [`${file}.linchpin.internal`, name, 'localhost']);
  return [
    ...ROLES.map((role) => internal(role, `${role}-0`)),
    internal('nats', 'nats-0'),
    internal('admin', 'admin'),
    sipIdentity(home, settings),
  ];
}

/** RFC 5922 7.1: a SIP server shows the domain that it is responsible for. */
function sipIdentity(home: Home, { domain, listen }: Settings): Identity {
  const sip = identity(home, 'sip', domain, [domain, `sip.${domain}`, 'localhost']);
  const wildcard = listen === '0.0.0.0' || listen === '::';
  if (isIP(listen) !== 0 && !wildcard && listen !== '127.0.0.1') sip.ips?.push(listen);
  return sip;
}

function identity(home: Home, file: string, name: string, dns: string[]): Identity {
  const { cert, key } = home.certificate(file);
  return { name, dns: [...new Set(dns)], ips: ['127.0.0.1'], certPath: cert, keyPath: key };
}
