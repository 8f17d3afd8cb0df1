import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../installation/files.ts';
import { type Address, hostPort, listener, roleOf } from '../installation/layout.ts';
import type { Prepared } from './installation.ts';
import type { SampleUser } from './sample-users.ts';

/** A linphonec that is ready to be started. */
export interface SampleClient {
  user: SampleUser;
  /** Word for word, for a shell. */
  command: string;
}

/** Configures linphonec for one user inside and one outside: a first sign-in takes two commands. */
export async function writeSampleClients(prepared: Prepared, users: SampleUser[]): Promise<SampleClient[]> {
  const [first, second] = users as [SampleUser, SampleUser];
  const inside = serverAt(listener(roleOf(prepared.layout, 'frontend'), 'sip-tcp'), '127.0.0.1');
  // Linphone matches the names of a certificate, not its addresses.
  const outside = serverAt(listener(roleOf(prepared.layout, 'edge'), 'access-tls'), 'localhost');
  return Promise.all([
    writeClient(prepared, first, `${inside};transport=tcp`),
    writeClient(prepared, second, `${outside};transport=tls`),
  ]);
}

/** The clients run on this machine. */
function serverAt({ address, port }: Address, loopback: string): string {
  const everywhere = ['0.0.0.0', '::', '127.0.0.1'].includes(address);
  return hostPort({ address: everywhere ? loopback : address, port });
}

async function writeClient({ home }: Prepared, user: SampleUser, server: string): Promise<SampleClient> {
  const folder = join(home.clients, user.name.split('@')[0] as string);
  // Linphone opens its databases there, and does not make the folders.
  for (const part of ['.local/share/linphone', '.config/linphone']) {
    await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
  }
  const file = join(folder, 'linphonerc');
  await replaceFile(file, linphonerc(user, server, home.caFile));
  return { user, command: `HOME=${quote(folder)} linphonec -c ${quote(file)}` };
}

function linphonerc({ name, password }: SampleUser, server: string, caFile: string): string {
  const [user, domain] = name.split('@');
  return `[sip]
# -1 is a random port; 0 would be no port.
sip_port=-1
sip_tcp_port=-1
sip_tls_port=-1
# Milliseconds until it signs in again after a connection was lost; left to itself Linphone waits a minute.
refresher_retry_after=2000
root_ca=${caFile}
verify_server_certs=1
verify_server_cn=1
default_proxy=0

[proxy_0]
reg_identity=sip:${name}
reg_proxy=<sip:${server}>
reg_route=<sip:${server};lr>
reg_expires=300
reg_sendregister=1
publish=1

[auth_info_0]
username=${user}
userid=${user}
passwd=${password}
realm=${domain}
domain=${domain}
`;
}

const quote = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
