import { endpointsOf, hostPort } from '../installation/layout.ts';
import type { Prepared } from './installation.ts';
import type { SampleClient } from './sample-clients.ts';
import type { SampleUser } from './sample-users.ts';

/** What the first start says last: the users, and how to sign in with them, word for word. */
export function signInHelp({ home, layout }: Prepared, users: SampleUser[], clients: SampleClient[]): string {
  const [inside, outside] = clients as [SampleClient, SampleClient];
  const address = (name: string) =>
    hostPort(endpointsOf(layout).find((endpoint) => endpoint.name === name) ?? NOWHERE);
  return `sample users (also in ${home.sampleUsers}):
${users.map(({ name, password }) => `  ${name}  password ${password}`).join('\n')}
sign in with linphonec (apt-get install linphone-cli), each in a terminal of its own:
  ${inside.user.name} inside:            ${inside.command}
  ${outside.user.name} outside, by Edge:   ${outside.command}
then write to each other there:
  chat sip:${outside.user.name} good morning
with any other client: the user's name and password as above, and as server (outbound proxy)
  inside:   ${address('sip-udp')} over UDP or TCP, ${address('sip-tls')} over TLS
  outside:  ${address('access-tls')} over TLS, ${address('access-wss')} over secure WebSocket
  TLS clients trust the CA in ${home.caFile} and call the server "localhost"`;
}

const NOWHERE = { address: '', port: 0 };
