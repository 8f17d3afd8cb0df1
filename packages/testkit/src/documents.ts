import { digestHa1 } from '@linchpin/sip';
import type { LabDocument } from './publisher.ts';

export const LAB_DOMAIN = 'contoso.lab';
/** For a person's first requests: the one domain that every tool can look up. */
export const DEV_DOMAIN = 'localhost';

export interface LabPool {
  role: string;
  /** Pod name to host:port; the pool is named after its role. */
  members: Record<string, string>;
}

/** A topology of one site with one pool for each role. */
export function topologyDocument(pools: LabPool[], domain = LAB_DOMAIN): LabDocument {
  return {
    kind: 'Topology',
    name: 'global',
    spec: {
      sipDomains: [domain],
      sites: [{ name: 'main' }],
      pools: pools.map(({ role, members }) => ({
        name: role,
        role,
        site: 'main',
        ...(role === 'edge' ? { nextHop: 'director' } : {}),
        members: Object.entries(members).map(([name, address]) => ({ name, address })),
      })),
    },
  };
}

export interface LabUser {
  /** "alice" */
  name: string;
  password: string;
  spec?: Record<string, unknown>;
}

/** A user and what is kept of its password. */
export function userDocuments({ name, password, spec = {} }: LabUser, domain = LAB_DOMAIN): LabDocument[] {
  const address = `${name}@${domain}`;
  const hashes = (username: string) => ({
    MD5: digestHa1('MD5', username, domain, password),
    'SHA-256': digestHa1('SHA-256', username, domain, password),
    'SHA-512-256': digestHa1('SHA-512-256', username, domain, password),
  });
  return [
    { kind: 'User', name: address, spec: { displayName: name, enabled: true, pool: 'frontend', ...spec } },
    {
      kind: 'Credential',
      name: address,
      spec: { digest: { [name]: hashes(name), [address]: hashes(address) } },
    },
  ];
}

/** The global policies and configurations with their defaults, as CMS makes them on an empty database. */
export const globalDocuments: LabDocument[] = [
  { kind: 'RegistrarConfiguration', name: 'global', spec: {} },
  { kind: 'PresencePolicy', name: 'global', spec: {} },
  { kind: 'ExternalAccessPolicy', name: 'global', spec: {} },
  { kind: 'AccessEdgeConfiguration', name: 'global', spec: {} },
];
