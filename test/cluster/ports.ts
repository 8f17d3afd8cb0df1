import type { Way } from '../clients/way.ts';
import { caFile } from './machine.ts';

/** Of charts/linchpin/values-kind.yaml. */
export const DOMAIN = 'contoso.lab';

/** The NodePorts of values-kind.yaml, which kind.yaml publishes on loopback. */
export const PORTS = { edgeTls: 30061, edgeWss: 30443, sip: 30060, sipTls: 30062, cms: 30710 } as const;

const host = '127.0.0.1';
const tls = { transport: 'tls', host, caFile, serverName: 'localhost' } as const;

/** How clients outside the cluster reach it. */
export const WAYS = {
  edge: { ...tls, port: PORTS.edgeTls },
  inside: { ...tls, port: PORTS.sipTls },
  tcp: { transport: 'tcp', host, port: PORTS.sip },
  udp: { transport: 'udp', host, port: PORTS.sip },
} as const satisfies Record<string, Way>;
