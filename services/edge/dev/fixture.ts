import { SipResponse } from '@linchpin/sip';
import { DEV_DOMAIN, type Fixture, globalDocuments, topologyDocument } from '@linchpin/testkit';

/** An Edge alone: a fake Director that answers every request with 200. */
export const fixture: Fixture = {
  role: 'edge',
  port: 7130,
  async config(lab) {
    const { cert, key } = await lab.sipTls(DEV_DOMAIN);
    return {
      domain: DEV_DOMAIN,
      sipTls: { cert, key },
      listeners: { accessTls: { port: 5543 }, accessWss: { port: 5544 } },
    };
  },
  documents: [
    ...globalDocuments,
    topologyDocument(
      [
        { role: 'director', members: { 'director-0': '127.0.0.1:7120' } },
        { role: 'edge', members: { 'edge-0': '127.0.0.1:7130' } },
      ],
      DEV_DOMAIN,
    ),
  ],
  neighbours: [
    {
      role: 'director',
      pod: 'director-0',
      port: 7120,
      allow: ['edge'],
      answer: (request) => SipResponse.to(request, 200),
    },
  ],
  hint: [
    "printf 'OPTIONS sip:localhost SIP/2.0\\r\\nVia: SIP/2.0/TLS me.invalid;branch=z9hG4bK1;rport\\r\\nMax-Forwards: 70\\r\\nFrom: <sip:alice@localhost>;tag=1\\r\\nTo: <sip:localhost>\\r\\nCall-ID: 1\\r\\nCSeq: 1 OPTIONS\\r\\nContent-Length: 0\\r\\n\\r\\n' \\",
    '  | openssl s_client -quiet -connect localhost:5543 -CAfile .linchpin-dev/edge/pki/ca.pem',
  ],
};
