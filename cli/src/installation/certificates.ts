import { mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { createAuthority, type Identity } from '@linchpin/backends';
import type { Home } from './home.ts';
import { ROLES } from './layout.ts';
import type { Settings } from './settings.ts';

/** Clients have to be given a new CA one by one: early enough to choose a day for it. */
const WARN_BEFORE_MS = 90 * 24 * 3600 * 1000;

/**
 * Makes the CA and what it signs, renews what ends soon and a CA that has ended; resolves to the names of new certificates.
 * Rejects with BackendError when the CA is damaged or has not begun. `say` hears what an operator has to know of the CA.
 */
export async function ensureCertificates(
  home: Home,
  settings: Settings,
  say: (line: string) => void,
): Promise<string[]> {
  // Clients of other users read the CA; the keys inside are closed on their own.
  await mkdir(home.pki, { recursive: true, mode: 0o711 });
  const authority = createAuthority(home.pki, { onNewRoot: say });
  const end = await authority.ready();
  if (end.getTime() - Date.now() < WARN_BEFORE_MS) say(endsSoon(home, end));
  const wanted = identities(home, settings);
  const written = await Promise.all(wanted.map((identity) => authority.issue(identity)));
  return wanted.filter((_, index) => written[index]).map(({ name }) => name);
}

const endsSoon = ({ caFile }: Home, end: Date): string =>
  `The CA in ${caFile} ends on ${end.toISOString().slice(0, 10)}. The first start after that makes a new one, which every client then ` +
  'has to be told to trust; to choose the day, stop, move ca.pem and ca.key away, and start.';

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
