import type { Fixture } from '@linchpin/testkit';

/** A CMS alone: real PostgreSQL and NATS; its neighbours only ever follow what it publishes. */
export const fixture: Fixture = {
  role: 'cms',
  port: 7110,
  postgres: true,
  async config(lab) {
    const { port, passwordFile } = lab.postgres;
    return { postgres: { host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', passwordFile } };
  },
  documents: [],
  neighbours: [],
  hint: ['./linchpin get presencepolicies --home .linchpin-dev/cms   # the defaults that CMS made'],
};
