import {
  type Change,
  CmsClient,
  type Member,
  type PublishReply,
  type Replica,
  type Document as WireDocument,
} from '@linchpin/proto/cms/v1/cms';
import type { DescribeUserReply, GetPoolReply } from '@linchpin/proto/frontend/v1/frontend';
import type { DrainProgress } from '@linchpin/proto/pod/v1/pod';
import { CliError, EXIT } from '../cli-error.ts';
import { adminChannel, ask, follow } from './rpc.ts';
import type { Site } from './site.ts';

/** A configuration document as administrators see it. */
export interface Document {
  kind: string;
  name: string;
  version: number;
  spec: Record<string, unknown>;
}

export interface Cms {
  /** All documents of the kind, or the one with this name; throws when that one does not exist. */
  get(kind: string, name?: string): Promise<Document[]>;
  publish(changes: Change[], dryRun?: boolean): Promise<PublishReply>;
  replicas(): Promise<Replica[]>;
  /** All pods of all roles that are there now. */
  pods(): Promise<Member[]>;
  /** Empty: the first pool that has Front Ends. */
  pool(name: string): Promise<GetPoolReply>;
  /** `user`: "alice@contoso.lab" */
  user(user: string): Promise<DescribeUserReply>;
  /** Resolves when the drain is over. */
  drain(pod: string, onProgress: (progress: DrainProgress) => void): Promise<void>;
}

/** Calls `use` with the CMS of the site. */
export async function withCms<T>(site: Site, use: (cms: Cms) => Promise<T>): Promise<T> {
  const channel = await adminChannel(site);
  const client = new CmsClient(site.cms, channel.credentials, channel.options);
  try {
    return await use(cmsOf(client, site));
  } finally {
    client.close();
  }
}

/** The domain of users that are named without one. */
export async function domainOf({ domain }: Site, cms: Cms): Promise<string> {
  if (domain !== undefined) return domain;
  const [topology] = await cms.get('Topology');
  const [first] = (topology?.spec.sipDomains ?? []) as string[];
  if (first !== undefined) return first;
  throw new CliError('The topology has no SIP domain yet: name users with their domain.', EXIT.usage);
}

const cmsOf = (client: CmsClient, site: Site): Cms => ({
  async get(kind, name = '') {
    const documents: Document[] = [];
    let after = '';
    do {
      const reply = await ask(client.get.bind(client), { kind, name, after }, site);
      documents.push(...reply.documents.map(fromWire));
      after = reply.next;
    } while (after !== '');
    return documents;
  },
  publish: (changes, dryRun = false) => ask(client.publish.bind(client), { changes, dryRun }, site),
  replicas: async () => (await ask(client.listReplicas.bind(client), {}, site)).replicas,
  pods: async () => (await ask(client.listMembers.bind(client), { role: '', pool: '' }, site)).members,
  pool: (pool) => ask(client.getPool.bind(client), { pool }, site),
  user: (user) => ask(client.describeUser.bind(client), { user: `sip:${user}` }, site),
  drain: (pod, onProgress) => follow(client.drainPod({ pod }), onProgress, site),
});

const fromWire = ({ kind, name, version, spec }: WireDocument): Document => ({
  kind,
  name,
  version,
  spec: JSON.parse(spec) as Record<string, unknown>,
});
