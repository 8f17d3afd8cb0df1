import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, type StartedRole, startRole } from '@linchpin/host';
import type { Address, TransportName } from '@linchpin/sip';
import {
  createLab,
  freePort,
  globalDocuments,
  LAB_DOMAIN,
  type Lab,
  type LabDocument,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';
import { vi } from 'vitest';
import { type FrontendConfig, frontendConfig } from '../src/config.ts';
import { createRole } from '../src/role.ts';
import { createPhone, type Phone, type PhoneOptions } from './phone.ts';

/** The whole role on loopback, with the real NATS beside it. */
export interface FrontEnd {
  readonly lab: Lab;
  readonly started: StartedRole;
  server(transport?: TransportName): Address;
  phone(user: string, options?: Partial<PhoneOptions>): Promise<Phone>;
  /** Publishes as CMS does, and waits until the role runs it. */
  publish(documents: LabDocument[]): Promise<void>;
  /** Stops the role as it stands and starts another on what it left: same ports, same folder. */
  restart(until?: 'ready' | 'not-loaded', meanwhile?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface FrontEndOptions {
  users: string[];
  documents?: LabDocument[];
  edges?: Record<string, string>;
  config?: Record<string, unknown>;
  /** Gives it a PostgreSQL. */
  postgres?: boolean;
}

const people = (users: string[]): LabDocument[] =>
  users.flatMap((name) => userDocuments({ name, password: `pw-${name}` }));

export async function startFrontEnd(options: FrontEndOptions): Promise<FrontEnd> {
  const { users, documents = [], edges = {}, config: changes = {} } = options;
  const lab = await createLab({ postgres: options.postgres === true });
  const dataDir = await mkdtemp(join(tmpdir(), 'linchpin-frontend-'));
  const topology = topologyDocument([
    { role: 'frontend', members: { 'frontend-0': '127.0.0.1:7040' } },
    { role: 'director', members: {} },
    { role: 'edge', members: edges },
  ]);
  const phones: Phone[] = [];
  const { ca, ...sipTls } = await lab.sipTls(LAB_DOMAIN);
  // The same ones after a restart.
  const [udp, tcp] = [await freePort(), await freePort()];
  let started = await start();

  async function start(): Promise<StartedRole> {
    const config = frontendConfig.parse({
      name: 'frontend-0',
      role: 'frontend',
      dataDir,
      rpc: { address: '127.0.0.1', port: 0 },
      http: { address: '127.0.0.1', port: 0 },
      tls: await lab.tls('frontend'),
      nats: { servers: [lab.natsUrl] },
      domain: LAB_DOMAIN,
      sipTls,
      listeners: {
        sipUdp: { port: udp },
        sipTcp: { port: tcp },
        sipTls: { port: 0 },
      },
      ...(options.postgres && { postgres: database() }),
      ...changes,
    }) as FrontendConfig;
    const log = createLog({
      role: 'frontend',
      name: 'frontend-0',
      level: (process.env.LOG as 'silent') ?? 'silent',
    });
    return startRole({ role: 'frontend', version: '0.0.0', config, create: createRole, log });
  }

  function database() {
    const { port, passwordFile } = lab.postgres;
    return { host: '127.0.0.1', port, user: 'linchpin', database: 'postgres', passwordFile };
  }

  const version = () => started.role.configVersion();
  async function publish(changed: LabDocument[]): Promise<void> {
    const published = await lab.publisher.publish(changed);
    await vi.waitFor(() => {
      if (version() < published) throw new Error('not there yet');
    }, waiting);
  }

  async function loaded(): Promise<void> {
    await vi.waitFor(() => {
      if (started.host.health.state !== 'ready') throw new Error(started.host.health.state);
    }, waiting);
  }

  await publish([topology, ...globalDocuments, ...people(users), ...documents]);
  await loaded();

  function server(transport: TransportName = 'udp'): Address {
    const endpoint = started.role.endpoints().find(({ protocol }) => protocol === transport);
    return { address: '127.0.0.1', port: endpoint?.port ?? 0 };
  }

  return {
    lab,
    get started() {
      return started;
    },
    server,
    publish,
    async phone(user, options = {}) {
      const authority = await readFile(ca, 'utf8');
      const phone = await createPhone({ user, server: server(options.transport), ca: authority, ...options });
      phones.push(phone);
      return phone;
    },
    async restart(until = 'ready', meanwhile = async () => {}) {
      await started.stop();
      await meanwhile();
      started = await start();
      if (until === 'ready') await loaded();
    },
    async close() {
      await Promise.all(phones.map((phone) => phone.close()));
      await started.stop();
      await lab.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const waiting = { timeout: 10_000, interval: 20 };
