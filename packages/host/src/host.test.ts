import { expect, test } from 'vitest';
import { createCertificates } from '../test/certificates.ts';
import { silent } from '../test/silent.ts';
import { hostConfig } from './config.ts';
import { createHost } from './host.ts';
import { EXIT } from './host-error.ts';

test('a role that needs NATS says which key its configuration lacks', async () => {
  await using certificates = await createCertificates();
  const config = hostConfig.parse({
    name: 'edge-0',
    role: 'edge',
    dataDir: certificates.dir,
    rpc: { port: 0 },
    http: { port: 0 },
    tls: await certificates.files('edge'),
  });
  const host = await createHost(config, { role: 'edge', version: '0.0.0', log: silent });
  expect(() => host.nats()).toThrow(
    expect.objectContaining({ exitCode: EXIT.config, message: expect.stringMatching(/^nats: /) }),
  );
  await host.close();
});
