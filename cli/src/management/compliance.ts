import {
  type Anchor,
  type ChainReport,
  ComplianceClient,
  type ExportChunk,
  type ExportOrder,
  type Hold,
  type StatusReply,
  type StoredEvent,
} from '@linchpin/proto/chat/v1/compliance';
import { adminChannel, ask, drain, follow } from './rpc.ts';
import type { Site } from './site.ts';

export interface QueryOptions {
  /** Id or name of a room or category; undefined: all. */
  room?: string | undefined;
  /** "alice@contoso.lab" or "admin:<name>". */
  by?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  kinds: string[];
  text?: string | undefined;
  reason: string;
  /** At most so many events. */
  limit: number;
}

/** The compliance store of Persistent Chat, by way of CMS. */
export interface Compliance {
  status(): Promise<StatusReply>;
  /** Resolves when all chains are reported; a room's only, where it is given. */
  verify(
    scope: string,
    anchors: Anchor[],
    reason: string,
    onReport: (report: ChainReport) => void,
  ): Promise<void>;
  query(options: QueryOptions): Promise<StoredEvent[]>;
  /** A tar archive in pieces; `order`: the id of one that was approved, which says what of. */
  export(
    of: { room: string } | { user: string } | { order: string },
    reason: string,
    onChunk: (data: Buffer) => Promise<void>,
  ): Promise<void>;
  /** Asks for an export that another administrator has to approve. */
  order(of: { room: string } | { user: string }, reason: string): Promise<ExportOrder>;
  orders(): Promise<ExportOrder[]>;
  approve(id: string): Promise<ExportOrder>;
  holds(withReleased: boolean): Promise<Hold[]>;
  placeHold(name: string, scope: string, subject: string): Promise<Hold>;
  releaseHold(id: string, reason: string): Promise<Hold>;
}

const PAGE = 1000;

/** `pod`: host:port of a pod that is asked itself, past CMS. */
export async function withCompliance<T>(
  site: Site,
  pod: string | undefined,
  use: (compliance: Compliance) => Promise<T>,
): Promise<T> {
  const channel = await adminChannel(site, pod === undefined ? 'cms' : 'persistent-chat');
  const client = new ComplianceClient(pod ?? site.cms, channel.credentials, channel.options);
  try {
    return await use(complianceOf(client, site));
  } finally {
    client.close();
  }
}

const complianceOf = (client: ComplianceClient, site: Site): Compliance => ({
  status: () => ask(client.status.bind(client), {}, site),
  verify: (scope, anchors, reason, onReport) =>
    follow(client.verify({ scope, anchors, reason }), onReport, site),
  async query({ room = '', by = '', from = '', to = '', kinds, text = '', reason, limit }) {
    const events: StoredEvent[] = [];
    for (let after = ''; ; ) {
      const count = Math.min(PAGE, limit - events.length);
      const request = { scope: room, by, from, to, kinds, text, reason, after, limit: count };
      const page = await ask(client.query.bind(client), request, site);
      events.push(...page.events);
      after = page.next;
      if (after === '' || events.length >= limit) return events;
    }
  },
  export: (of, reason, onChunk) =>
    drain<ExportChunk>(
      client.export({ room: '', user: '', order: '', ...of, reason }),
      ({ data }) => onChunk(data),
      site,
    ),
  order: (of, reason) =>
    ask(client.requestExport.bind(client), { room: '', user: '', order: '', ...of, reason }, site),
  orders: async () => (await ask(client.listExportRequests.bind(client), {}, site)).orders,
  approve: (id) => ask(client.approveExport.bind(client), { id }, site),
  holds: async (withReleased) => (await ask(client.listHolds.bind(client), { withReleased }, site)).holds,
  placeHold: (name, scope, subject) => ask(client.placeHold.bind(client), { name, scope, subject }, site),
  releaseHold: (id, reason) => ask(client.releaseHold.bind(client), { id, reason }, site),
});
