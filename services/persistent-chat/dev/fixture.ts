import {
  DEV_DOMAIN,
  type Fixture,
  globalDocuments,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';

const HOME = '--home .linchpin-dev/persistent-chat --pod 127.0.0.1:7150';
const spec = { policies: { persistentChat: 'Rooms' } };

/** Persistent Chat alone: real PostgreSQL with both databases and NATS; two users who may use rooms. */
export const fixture: Fixture = {
  role: 'persistent-chat',
  port: 7150,
  postgres: true,
  databases: ['mgc', 'mgccomp'],
  async config(lab) {
    const { port, passwordFile } = lab.postgres;
    const postgres = { host: '127.0.0.1', port, user: 'linchpin', passwordFile };
    const { cert, key } = await lab.sipTls(DEV_DOMAIN);
    return {
      domain: DEV_DOMAIN,
      postgres: { ...postgres, database: 'mgc' },
      compliance: { postgres: { ...postgres, database: 'mgccomp' } },
      web: { address: '127.0.0.1', port: 7543, tls: { cert, key } },
    };
  },
  documents: [
    ...globalDocuments,
    { kind: 'PersistentChatConfiguration', name: 'global', spec: {} },
    { kind: 'PersistentChatPolicy', name: 'global', spec: {} },
    { kind: 'PersistentChatPolicy', name: 'Rooms', spec: { enabled: true } },
    topologyDocument(
      [{ role: 'persistent-chat', members: { 'persistent-chat-0': '127.0.0.1:7150' } }],
      DEV_DOMAIN,
    ),
    ...userDocuments({ name: 'alice', password: 'pw-alice', spec }, DEV_DOMAIN),
    ...userDocuments({ name: 'bob', password: 'pw-bob', spec }, DEV_DOMAIN),
  ],
  neighbours: [],
  hint: [
    `./linchpin create category Trading allowed=domain:localhost ${HOME}`,
    `./linchpin create room Desk category=Trading members=alice,bob ${HOME}`,
    `./linchpin post Desk "buy gold" --as alice ${HOME}   # and: follow Desk --as bob, in another terminal`,
  ],
};
