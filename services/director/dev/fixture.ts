import { SipResponse } from '@linchpin/sip';
import {
  DEV_DOMAIN,
  type Fixture,
  globalDocuments,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';

/** A Director alone: a fake Front End that says 200 to everything, and a UDP door in place of an Edge. */
export const fixture: Fixture = {
  role: 'director',
  port: 7120,
  config: async () => ({}),
  documents: [
    ...globalDocuments,
    topologyDocument(
      [
        { role: 'director', members: { 'director-0': '127.0.0.1:7120' } },
        { role: 'edge', members: { 'edge-0': '127.0.0.1:7130' } },
        { role: 'frontend', members: { 'frontend-0': '127.0.0.1:7140' } },
      ],
      DEV_DOMAIN,
    ),
    ...userDocuments({ name: 'alice', password: 'pw-alice' }, DEV_DOMAIN),
    ...userDocuments({ name: 'bob', password: 'pw-bob' }, DEV_DOMAIN),
  ],
  neighbours: [
    {
      role: 'frontend',
      pod: 'frontend-0',
      port: 7140,
      allow: ['director'],
      answer: (request) => SipResponse.to(request, 200),
    },
  ],
  door: { as: 'edge', pod: 'edge-0', port: 5170 },
  hint: [
    `sipsak -U -C sip:alice@127.0.0.1:9 -s sip:alice@${DEV_DOMAIN} -r 5170 -u alice -a pw-alice   # challenged, signed in, passed on`,
    'A wrong password (-a wrong) is answered 403 and never reaches frontend-0.',
  ],
};
