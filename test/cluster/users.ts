import { join } from 'node:path';
import { createMtls, createRpcClient } from '@linchpin/host';
import { CmsClient, type PublishReply } from '@linchpin/proto/cms/v1/cms';
import { home } from './home.ts';
import { DOMAIN, PORTS } from './ports.ts';

const ACTION_APPLY = 2;

export const passwordOf = (user: string): string => `pw-${user.split('@')[0]}`;

/** Publishes users `<prefix>0` … as one version, each with the password `pw-<name>`; resolves with their addresses. */
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
    await new Promise<PublishReply>((resolve, reject) => {
      client.publish({ changes, dryRun: false }, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
    return users;
  } finally {
    client.close();
  }
}
