import {
  type Change,
  CmsClient,
  type PublishReply,
  type Replica,
  type Document as WireDocument,
} from '@linchpin/proto/cms/v1/cms';
import type { Home } from '../installation/home.ts';
import { hostPort, layoutOf, roleOf } from '../installation/layout.ts';
import type { Settings } from '../installation/settings.ts';
import { adminChannel, ask } from './rpc.ts';

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
}

/** Calls `use` with the CMS of the installation in `home`; LINCHPIN_CMS (host:port) is where it is on another machine. */
export async function withCms<T>(home: Home, settings: Settings, use: (cms: Cms) => Promise<T>): Promise<T> {
  const address = process.env.LINCHPIN_CMS || hostPort(roleOf(layoutOf(settings), 'cms').rpc);
  const channel = await adminChannel(home, 'cms');
  const client = new CmsClient(address, channel.credentials, channel.options);
  try {
    return await use(cmsOf(client, `CMS at ${address}`));
  } finally {
    client.close();
  }
}

const cmsOf = (client: CmsClient, who: string): Cms => ({
  async get(kind, name = '') {
    const documents: Document[] = [];
    let after = '';
    do {
      const reply = await ask(client.get.bind(client), { kind, name, after }, who);
      documents.push(...reply.documents.map(fromWire));
      after = reply.next;
    } while (after !== '');
    return documents;
  },
  publish: (changes, dryRun = false) => ask(client.publish.bind(client), { changes, dryRun }, who),
  replicas: async () => (await ask(client.listReplicas.bind(client), {}, who)).replicas,
});

const fromWire = ({ kind, name, version, spec }: WireDocument): Document => ({
  kind,
  name,
  version,
  spec: JSON.parse(spec) as Record<string, unknown>,
});
