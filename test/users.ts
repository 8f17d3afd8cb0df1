import { createMtls, createRpcClient } from '@linchpin/host';
import { CmsClient, type PublishReply } from '@linchpin/proto/cms/v1/cms';
import type { System } from './system.ts';

/** Publishes users as one version, each with the password `pw-<name>`. */
export async function publishUsers(system: System, names: readonly string[]): Promise<number> {
  const pki = `${system.home}/pki`;
  const mtls = await createMtls({ ca: `${pki}/ca.pem`, cert: `${pki}/admin.pem`, key: `${pki}/admin.key` });
  const cms = system.endpoint('cms', 'rpc');
  const client = createRpcClient(CmsClient, `${cms.address}:${cms.port}`, 'cms', mtls);
  const changes = names.map((name) => ({
    action: 1 as const,
    document: {
      kind: 'User',
      name: `${name}@${system.domain}`,
      version: 0,
      spec: JSON.stringify({ pool: 'frontend' }),
    },
    password: `pw-${name}`,
    expectedVersion: 0,
  }));
  try {
    const reply = await new Promise<PublishReply>((resolve, reject) => {
      client.publish({ changes, dryRun: false }, (error, value) => (error ? reject(error) : resolve(value)));
    });
    await system.runsVersion(reply.version);
    return reply.version;
  } finally {
    client.close();
  }
}
