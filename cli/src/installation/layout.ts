import type { Settings } from './settings.ts';

export type RoleName = 'cms' | 'director' | 'edge' | 'frontend' | 'persistent-chat';
export type Protocol = 'udp' | 'tcp' | 'tls' | 'wss' | 'https' | 'grpc' | 'http';

export interface Address {
  address: string;
  port: number;
}

export interface NamedEndpoint extends Address {
  role: RoleName;
  name: string;
  protocol: Protocol;
}

/** One role of Standard Edition; its pod is `<role>-0`, its pool is named like the role. */
export interface RoleLayout {
  role: RoleName;
  name: string;
  rpc: Address;
  http: Address;
  /** For clients. */
  listeners: NamedEndpoint[];
}

export interface Layout {
  roles: RoleLayout[];
  nats: Address;
  postgres: Address;
}

const LOOPBACK = '127.0.0.1';

/** In the order in which they start. */
export const ROLES: readonly RoleName[] = ['cms', 'director', 'edge', 'frontend', 'persistent-chat'];

const RPC_PORTS: Record<RoleName, number> = {
  cms: 7010,
  director: 7020,
  edge: 7030,
  frontend: 7040,
  'persistent-chat': 7050,
};

const LISTENERS: Partial<Record<RoleName, [name: string, protocol: Protocol, port: number][]>> = {
  frontend: [
    ['sip-udp', 'udp', 5060],
    ['sip-tcp', 'tcp', 5060],
    ['sip-tls', 'tls', 5061],
  ],
  edge: [
    ['access-tls', 'tls', 5443],
    ['access-wss', 'wss', 5444],
  ],
  'persistent-chat': [['chat-https', 'https', 7443]],
};

/** Who listens where: fixed ports plus the offset; only what clients use leaves the loopback interface. */
export function layoutOf({ portOffset, listen }: Pick<Settings, 'portOffset' | 'listen'>): Layout {
  const internal = (port: number): Address => ({ address: LOOPBACK, port: port + portOffset });
  return {
    nats: internal(7222),
    postgres: internal(7432),
    roles: ROLES.map((role) => ({
      role,
      name: `${role}-0`,
      rpc: internal(RPC_PORTS[role]),
      http: internal(RPC_PORTS[role] + 1),
      listeners: (LISTENERS[role] ?? []).map(([name, protocol, port]) => ({
        role,
        name,
        protocol,
        address: listen,
        port: port + portOffset,
      })),
    })),
  };
}

/** All that an administrator or a client can reach, under the names that `status` shows. */
export function endpointsOf({ roles }: Layout): NamedEndpoint[] {
  return roles.flatMap(({ role, rpc, http, listeners }) => [
    ...listeners,
    { role, name: 'rpc', protocol: 'grpc' as const, ...rpc },
    { role, name: 'metrics', protocol: 'http' as const, ...http },
    { role, name: 'health', protocol: 'http' as const, ...http },
  ]);
}

export function roleOf({ roles }: Layout, role: RoleName): RoleLayout {
  return roles.find((layout) => layout.role === role) as RoleLayout;
}

export function listener({ listeners }: RoleLayout, name: string): Address {
  const { address, port } = listeners.find((endpoint) => endpoint.name === name) as NamedEndpoint;
  return { address, port };
}

export const hostPort = ({ address, port }: Address): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
