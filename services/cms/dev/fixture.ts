import { join } from 'node:path';
import type { Fixture } from '@linchpin/testkit';

/** CMS alone: PostgreSQL and NATS are real, and it has no other neighbours. */
export const fixture: Fixture = {
  role: 'cms',
  port: 7110,
  postgres: true,
  async config(lab) {
    const { port, passwordFile } = lab.postgres;
    // For the person who calls it.
    const { ca, cert, key } = await lab.tls('admin');
    fixture.hint.push(
      `grpcurl -cacert ${ca} -cert ${cert} -key ${key} -authority cms.linchpin.internal -import-path proto ` +
        `-proto linchpin/cms/v1/cms.proto -d '{"kind":"PresencePolicy"}' 127.0.0.1:7110 linchpin.cms.v1.Cms/Get`,
    );
    return { postgres: { host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', passwordFile } };
  },
  documents: [],
  neighbours: [],
  hint: ['Its tables are in the PostgreSQL of this folder:', `  ${join('.linchpin-dev', 'cms', 'cms.json')}`],
};
