import { hostPort, listener, roleOf } from '../installation/layout.ts';
import type { Prepared } from './installation.ts';
import type { SampleUser } from './sample-users.ts';

/** How to sign in with linphonec (Debian: apt-get install linphone-cli), word by word. */
export function signInHelp({ home, layout }: Prepared, users: SampleUser[]): string {
  const inside = reachable(listener(roleOf(layout, 'frontend'), 'sip-tcp'));
  const outside = reachable(listener(roleOf(layout, 'edge'), 'access-tls'));
  const [alice, bob] = users as [SampleUser, SampleUser];
  return `todo ${home.dir} ${hostPort(inside)} ${hostPort(outside)} ${alice.name} ${bob.name}`;
}

const reachable = ({ address, port }: { address: string; port: number }) => ({
  address: address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address,
  port,
});
