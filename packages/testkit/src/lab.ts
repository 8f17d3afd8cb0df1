import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  type NatsServer,
  type PostgresServer,
  startNats,
  startPostgres,
} from '@linchpin/backends';
import {
  createLog,
  createMtls,
  createNatsLink,
  type Mtls,
  type NatsLink,
  type TlsFiles,
} from '@linchpin/host';
import { createMembers, type MemberRecord, type Members } from '@linchpin/topology';
import { createPublisher, type Publisher } from './publisher.ts';

export interface LabOptions {
  /** Kept over runs; without it a temporary folder that `close` removes. */
  dir?: string;
  nats?: boolean;
  postgres?: boolean;
  /** Databases of PostgreSQL beside the one that it always has. */
  databases?: readonly string[];
  onProgress?(line: string): void;
}

/** What roles need around them, real but private: certificates, NATS with JetStream, PostgreSQL. */
export interface Lab {
  readonly dir: string;
  readonly natsUrl: string;
  /** Paths of the certificate of a pod, made when first asked for. */
  tls(role: string, pod?: string): Promise<TlsFiles>;
  mtls(role: string, pod?: string): Promise<Mtls>;
  /** The certificate that SIP clients see, for the domain and localhost. */
  sipTls(domain: string): Promise<{ cert: string; key: string; ca: string }>;
  natsLink(role: string): Promise<NatsLink>;
  /**
   * A pod that is not there announces itself as one that is does, with a heartbeat, until its `stop` or the end of the lab.
   * Resolves when others can know; its pool is named after its role unless it says otherwise.
   */
  announce(member: LabMember): Promise<Members>;
  /** Publishes documents the way CMS does. */
  readonly publisher: Publisher;
  stopNats(): Promise<void>;
  startNats(): Promise<void>;
  /** It stands still with its connections open, until `resumeNats`, and says nothing. */
  pauseNats(): void;
  resumeNats(): void;
  /** Where PostgreSQL is, or would be: in a lab without it nothing listens there. */
  readonly postgres: {
    port: number;
    passwordFile: string;
    stop(): Promise<void>;
    /** On the port and with the data that it had. */
    start(): Promise<void>;
  };
  close(): Promise<void>;
}

export type LabMember = Pick<MemberRecord, 'role' | 'pod' | 'address'> & Partial<MemberRecord>;

export async function createLab(options: LabOptions = {}): Promise<Lab> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'linchpin-lab-')));
  await mkdir(dir, { recursive: true });
  const onProgress = options.onProgress ?? (() => {});
  const authority = createAuthority(join(dir, 'pki'));
  const log = createLog({ name: 'lab', role: 'lab', level: 'silent' });
  const links: NatsLink[] = [];
  const announced: Members[] = [];
  let nats: NatsServer | undefined;
  let natsPort = 0;
  let postgres: PostgresServer | undefined;

  const certificates = new Map<string, Promise<TlsFiles>>();

  async function issue(file: string, dns: string[]): Promise<TlsFiles> {
    const certPath = join(dir, 'pki', `${file}.pem`);
    const keyPath = join(dir, 'pki', `${file}.key`);
    await authority.issue({ name: file, dns, ips: ['127.0.0.1'], certPath, keyPath });
    return { ca: authority.caPath, cert: certPath, key: keyPath };
  }
  /** Once, also for two that ask at the same time: they would write over each other. */
  function certificate(file: string, dns: string[]): Promise<TlsFiles> {
    const found = certificates.get(file) ?? issue(file, dns);
    certificates.set(file, found);
    return found;
  }
  const tls = (role: string, pod = `${role}-0`) =>
    certificate(pod, [`${role}.linchpin.internal`, pod, 'localhost']);

  async function natsLink(role: string): Promise<NatsLink> {
    const link = createNatsLink({
      servers: [`tls://127.0.0.1:${natsPort}`],
      tls: await tls(role),
      role,
      log,
    });
    links.push(link);
    return link;
  }

  async function announce(member: LabMember): Promise<Members> {
    const { role, pod, address, pool = role } = member;
    const nats = await natsLink(role);
    const members = createMembers({ nats, self: { pod, role, pool, address, productVersion: '0.0.0' }, log });
    announced.push(members);
    members.follow();
    await members.announce(member);
    return members;
  }

  async function start(): Promise<void> {
    nats = await startNats({ dir: join(dir, 'nats'), port: natsPort, tls: await tls('nats'), onProgress });
    natsPort = nats.port;
  }

  function signalNats(signal: NodeJS.Signals): void {
    if (nats) process.kill(nats.pid, signal);
  }

  const passwordFile = join(dir, 'postgres.password');
  const password = await passwordIn(passwordFile);
  async function startDatabase(): Promise<void> {
    postgres = await startPostgres({
      dir: join(dir, 'postgres'),
      port: postgres?.port ?? 0,
      user: 'linchpin',
      password,
      databases: options.databases ?? [],
      onProgress,
    });
  }

  await Promise.all([
    options.nats === false ? undefined : start(),
    options.postgres ? startDatabase() : undefined,
  ]);

  return {
    dir,
    get natsUrl() {
      return `tls://127.0.0.1:${natsPort}`;
    },
    tls,
    mtls: async (role, pod) => createMtls(await tls(role, pod)),
    sipTls: (domain) => certificate('sip', [domain, `sip.${domain}`, 'localhost']),
    natsLink,
    announce,
    publisher: createPublisher(() => natsLink('cms')),
    async stopNats() {
      await nats?.stop();
      nats = undefined;
    },
    startNats: start,
    pauseNats: () => signalNats('SIGSTOP'),
    resumeNats: () => signalNats('SIGCONT'),
    get postgres() {
      return {
        port: postgres?.port ?? 1,
        passwordFile,
        stop: async () => postgres?.stop(),
        start: startDatabase,
      };
    },
    async close() {
      await Promise.all(announced.map((members) => members.stop()));
      await Promise.all(links.map((link) => link.close()));
      await Promise.all([nats?.stop(), postgres?.stop()]);
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Made when there is none yet. */
async function passwordIn(path: string): Promise<string> {
  const known = await readFile(path, 'utf8').catch(() => undefined);
  if (known !== undefined) return known;
  const made = randomBytes(18).toString('base64url');
  await writeFile(path, made, { mode: 0o600 });
  return made;
}
