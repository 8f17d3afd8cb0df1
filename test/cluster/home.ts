import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { secret } from './install.ts';
import { RELEASE } from './kube.ts';
import { cache, caFile } from './machine.ts';
import { DOMAIN } from './ports.ts';

/** A home folder for the command line (`--home`), with the administrator's certificate of the release. */
export const home = join(cache, 'home');

/** Takes the CA and the administrator's certificate out of the release. */
export async function fetchCredentials(): Promise<void> {
  const pki = join(home, 'pki');
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  const ca = await secret(`${RELEASE}-ca`, 'tls.crt');
  writeFileSync(caFile, ca);
  writeFileSync(join(pki, 'ca.pem'), ca);
  writeFileSync(join(pki, 'admin.pem'), await secret(`${RELEASE}-admin-tls`, 'tls.crt'));
  writeFileSync(join(pki, 'admin.key'), await secret(`${RELEASE}-admin-tls`, 'tls.key'), { mode: 0o600 });
  const settings = { formatVersion: 1, domain: DOMAIN, portOffset: 0, listen: '127.0.0.1', samples: true };
  writeFileSync(join(home, 'linchpin.json'), JSON.stringify(settings));
}
