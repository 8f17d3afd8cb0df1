// Configurations of pods of Persistent Chat in a lab, and the documents that they run with.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@linchpin/backends';
import { globalDocuments, LAB_DOMAIN, type Lab, type LabDocument, topologyDocument } from '@linchpin/testkit';

export const COMPLIANCE = 'mgccomp';

export interface PodConfig {
  file: string;
  /** Where its health is asked. */
  http: number;
  web: number;
}

export interface PodOptions {
  /** The database of rooms. */
  rooms: string;
  /** With a listener for people's clients. */
  web?: boolean;
}

/** Everybody may use rooms, and post as fast as the documents allow. */
export const chatDocuments: readonly LabDocument[] = [
  ...globalDocuments,
  topologyDocument(
    ['frontend', 'director', 'edge', 'persistent-chat'].map((role) => ({ role, members: {} })),
  ),
  { kind: 'PersistentChatPolicy', name: 'global', spec: { enabled: true } },
  { kind: 'PersistentChatConfiguration', name: 'global', spec: { postsPerSecondPerUser: 1000 } },
];

export const postgresOf = ({ postgres }: Lab, database: string) => ({
  host: '127.0.0.1',
  port: postgres.port,
  user: 'linchpin',
  database,
  passwordFile: postgres.passwordFile,
});

const local = (port: number) => ({ address: '127.0.0.1', port });
const noLimit = { perSecond: 0 };

/** Written into a folder of its own, which is the same for the same name. */
export async function writePodConfig(lab: Lab, name: string, { rooms, web }: PodOptions): Promise<PodConfig> {
  const dataDir = join(lab.dir, 'pods', name);
  await mkdir(dataDir, { recursive: true });
  const ports = { rpc: await freePort(), http: await freePort(), web: await freePort() };
  const { cert, key } = await lab.sipTls(LAB_DOMAIN);
  const config = {
    name,
    role: 'persistent-chat',
    dataDir,
    domain: LAB_DOMAIN,
    rpc: local(ports.rpc),
    http: local(ports.http),
    tls: await lab.tls('persistent-chat', name),
    nats: { servers: [lab.natsUrl] },
    postgres: postgresOf(lab, rooms),
    compliance: { postgres: postgresOf(lab, COMPLIANCE) },
    web: web
      ? {
          ...local(ports.web),
          tls: { cert, key },
          // All come from one address here.
          limits: { perUser: noLimit, perSource: noLimit, failuresPerSource: noLimit },
        }
      : { enabled: false },
    log: { level: 'error' },
  };
  const file = join(dataDir, 'config.json');
  await writeFile(file, JSON.stringify(config));
  return { file, http: ports.http, web: ports.web };
}
