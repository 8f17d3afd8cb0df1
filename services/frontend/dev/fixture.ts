import {
  DEV_DOMAIN,
  type Fixture,
  globalDocuments,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';

/** A Front End alone: two users, an Edge that takes what is sent to remote clients, and SIP over UDP, TCP and TLS for you. */
export const fixture: Fixture = {
  role: 'frontend',
  port: 7140,
  async config(lab) {
    const { cert, key } = await lab.sipTls(DEV_DOMAIN);
    return {
      domain: DEV_DOMAIN,
      sipTls: { cert, key },
      listeners: { sipUdp: { port: 5160 }, sipTcp: { port: 5160 }, sipTls: { port: 5161 } },
    };
  },
  documents: [
    ...globalDocuments,
    topologyDocument(
      [
        { role: 'edge', members: { 'edge-0': '127.0.0.1:7130' } },
        { role: 'director', members: { 'director-0': '127.0.0.1:7120' } },
        { role: 'frontend', members: { 'frontend-0': '127.0.0.1:7140' } },
      ],
      DEV_DOMAIN,
    ),
    ...userDocuments({ name: 'alice', password: 'pw-alice' }, DEV_DOMAIN),
    ...userDocuments({ name: 'bob', password: 'pw-bob' }, DEV_DOMAIN),
  ],
  neighbours: [{ role: 'edge', pod: 'edge-0', port: 7130, allow: ['frontend', 'director'] }],
  hint: [
    `sipsak -U -C sip:alice@127.0.0.1:9 -s sip:alice@${DEV_DOMAIN} -r 5160 -u alice -a pw-alice -x 300   # signs alice in`,
    'A client with domain localhost, user bob, password pw-bob and proxy 127.0.0.1:5160 (TLS 5161) can write to her.',
  ],
};
