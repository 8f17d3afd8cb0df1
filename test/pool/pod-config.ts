import { join } from 'node:path';
import { freePort } from '@linchpin/backends';
import { LAB_DOMAIN, type Lab } from '@linchpin/testkit';

export type PoolRole = 'frontend' | 'director' | 'edge' | 'persistent-chat';

export interface PodPorts {
  rpc: number;
  http: number;
  /** By listener: sip-udp, sip-tcp, sip-tls, access-tls, access-wss, chat-https. */
  listeners: Record<string, number>;
}

const listenersOf: Record<PoolRole, readonly string[]> = {
  frontend: ['sip-udp', 'sip-tcp', 'sip-tls'],
  director: [],
  edge: ['access-tls', 'access-wss'],
  'persistent-chat': ['chat-https'],
};

export async function freePorts(role: PoolRole): Promise<PodPorts> {
  const names = listenersOf[role];
  const ports = await Promise.all(['rpc', 'http', ...names].map(() => freePort()));
  const [rpc = 0, http = 0, ...rest] = ports;
  return { rpc, http, listeners: Object.fromEntries(names.map((name, at) => [name, rest[at] as number])) };
}

export interface PodPlan {
  lab: Lab;
  role: PoolRole;
  name: string;
  dataDir: string;
  ports: PodPorts;
  natsPort: number;
  signingKeyFile: string;
  drainSeconds: number;
  /** Front Ends write their state behind to it. */
  withPostgres: boolean;
  /** Over what the role's configuration holds anyway. */
  extra?: Record<string, unknown>;
}

const camel = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The configuration file of one pod, as a chart would write it. */
export async function podConfig(plan: PodPlan): Promise<Record<string, unknown>> {
  const { lab, role, name, dataDir, ports, natsPort, drainSeconds, extra = {} } = plan;
  const listeners = Object.fromEntries(
    Object.entries(ports.listeners).map(([listener, port]) => [camel(listener), local(port)]),
  );
  return {
    name,
    role,
    dataDir,
    rpc: local(ports.rpc),
    http: local(ports.http),
    tls: await lab.tls(role, name),
    nats: { servers: [`tls://127.0.0.1:${natsPort}`] },
    drainSeconds,
    ...(await ownConfig(plan, listeners)),
    ...extra,
  };
}

/** A load comes from one address: what shields against a single source is off. */
const noLimit = { perSecond: 0 };

const local = (port: number) => ({ address: '127.0.0.1', port });

async function ownConfig(
  plan: PodPlan,
  listeners: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { cert, key } = await plan.lab.sipTls(LAB_DOMAIN);
  const sip = { domain: LAB_DOMAIN, sipTls: { cert, key }, listeners };
  const limits = {
    unauthenticated: noLimit,
    account: noLimit,
    sourceFailures: noLimit,
    accountFailures: noLimit,
  };
  switch (plan.role) {
    case 'director':
      return { limits };
    case 'edge':
      return { ...sip, newConnections: noLimit };
    case 'frontend':
      return {
        ...sip,
        signingKeyFile: plan.signingKeyFile,
        ...(plan.withPostgres && { postgres: databaseOf(plan.lab) }),
      };
    case 'persistent-chat': {
      const [rooms, compliance] = CHAT_DATABASES;
      return {
        domain: LAB_DOMAIN,
        postgres: databaseOf(plan.lab, rooms),
        compliance: { postgres: databaseOf(plan.lab, compliance) },
        signingKeyFile: plan.signingKeyFile,
        files: { directory: join(plan.lab.dir, 'files') },
        web: {
          ...local(plan.ports.listeners['chat-https'] ?? 0),
          tls: { cert, key },
          limits: { perUser: noLimit, perSource: noLimit },
        },
      };
    }
  }
}

/** Where the role's rooms and its compliance store are. */
export const CHAT_DATABASES = ['mgc', 'mgccomp'] as const;

export function databaseOf({ postgres }: Lab, database = 'postgres') {
  const { port, passwordFile } = postgres;
  return { host: '127.0.0.1', port, user: 'linchpin', database, passwordFile };
}
