import { type DescribeUserReply, FrontendClient } from '@linchpin/proto/frontend/v1/frontend';
import type { Home } from '../installation/home.ts';
import { adminChannel, ask } from './rpc.ts';

/** What the Front End at `address` knows about `user`, e.g. "alice@contoso.lab". */
export async function describeUserAt(home: Home, address: string, user: string): Promise<DescribeUserReply> {
  const channel = await adminChannel(home, 'frontend');
  const client = new FrontendClient(address, channel.credentials, channel.options);
  try {
    return await ask(client.describeUser.bind(client), { user: `sip:${user}` }, `Front End at ${address}`);
  } finally {
    client.close();
  }
}
