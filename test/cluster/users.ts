import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createMtls, createRpcClient } from '@linchpin/host';
import { CmsClient, type ListReplicasReply, type PublishReply } from '@linchpin/proto/cms/v1/cms';
import { home } from './home.ts';
import { DOMAIN, PORTS } from './ports.ts';

const ACTION_APPLY = 2;
const LIVE_MS = 5_000;

export const passwordOf = (user: string): string => `pw-${user.split('@')[0]}`;

/** Publishes users `<prefix>0` … as one version, each with the password `pw-<name>`; resolves with their addresses, once they may sign in. */
export async function publishUsers(prefix: string, count: number): Promise<string[]> {
  const users = Array.from({ length: count }, (_, index) => `${prefix}${index}@${DOMAIN}`);
  const pem = (file: string): string => join(home, 'pki', file);
  const mtls = await createMtls({ ca: pem('ca.pem'), cert: pem('admin.pem'), key: pem('admin.key') });
  const client = createRpcClient(CmsClient, `127.0.0.1:${PORTS.cms}`, 'cms', mtls);
  const changes = users.map((name) => ({
    action: ACTION_APPLY as 2,
    document: { kind: 'User', name, version: 0, spec: JSON.stringify({ pool: 'frontend' }) },
    password: passwordOf(name),
    expectedVersion: 0,
  }));
  try {
    const { version } = await new Promise<PublishReply>((resolve, reject) => {
      client.publish({ changes, dryRun: false }, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
    await isLive(client, version);
    return users;
  } finally {
    client.close();
  }
}

/** Pods that are gone are still in the list for a while: they are waited for no longer than it takes all others. */
async function isLive(client: CmsClient, version: number): Promise<void> {
  for (const deadline = Date.now() + LIVE_MS; Date.now() < deadline; await wait(100)) {
    const { replicas } = await new Promise<ListReplicasReply>((resolve, reject) => {
      client.listReplicas({}, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
    if (replicas.every((replica) => replica.version >= version)) return;
  }
}
