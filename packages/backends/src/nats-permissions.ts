/** What NATS itself enforces, by the role identity in the client's certificate (its first DNS name that is listed here). */
export type NatsPermissions = Record<string, ClientPermissions>;

export interface ClientPermissions {
  publish?: SubjectRules;
  subscribe?: SubjectRules;
}

interface SubjectRules {
  allow?: string[];
  deny?: string[];
}

/**
 * Each bucket has one writer (proto/subjects.ts). Edge faces the Internet, so it gets a list of what it may do: follow
 * `config` and report in `replica`, with an inbox of its own. All other inboxes carry what `directory` sends its readers.
 *
 * It may not read `replica`, nor create streams: a request's reply goes wherever the caller says, past these rules, and
 * what it had written in one bucket would so be delivered into another. An acknowledgement can still be sent there: CMS
 * writes its buckets anew when it finds anything but its own, `user-state` has no such keeper.
 */
export const natsPermissions = (): NatsPermissions => ({
  'cms.linchpin.internal': { publish: { deny: changes('user-state') } },
  'director.linchpin.internal': { publish: { deny: changes('config', 'directory', 'user-state') } },
  'frontend.linchpin.internal': { publish: { deny: changes('config', 'directory') } },
  'edge.linchpin.internal': {
    publish: { allow: [...reads('config'), '$JS.API.STREAM.INFO.KV_replica', '$KV.replica.*'] },
    subscribe: { allow: ['_INBOX.edge.>'] },
  },
  'admin.linchpin.internal': {},
});

const reads = (bucket: string): string[] => [
  '$JS.API.INFO',
  `$JS.API.STREAM.INFO.KV_${bucket}`,
  `$JS.API.CONSUMER.CREATE.KV_${bucket}`,
  `$JS.API.CONSUMER.CREATE.KV_${bucket}.>`,
  `$JS.API.CONSUMER.INFO.KV_${bucket}.*`,
  `$JS.API.CONSUMER.DELETE.KV_${bucket}.*`,
  `$JS.API.DIRECT.GET.KV_${bucket}`,
  `$JS.API.DIRECT.GET.KV_${bucket}.>`,
  `$JS.API.STREAM.MSG.GET.KV_${bucket}`,
  `$JS.FC.KV_${bucket}.>`,
];

const changes = (...buckets: string[]): string[] =>
  buckets.flatMap((bucket) => [
    `$KV.${bucket}.>`,
    ...['DELETE', 'PURGE', 'UPDATE', 'MSG.DELETE', 'RESTORE'].map(
      (verb) => `$JS.API.STREAM.${verb}.KV_${bucket}`,
    ),
  ]);
