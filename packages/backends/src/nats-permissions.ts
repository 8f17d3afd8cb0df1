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

const ROLES = ['cms', 'director', 'frontend', 'edge', 'mediation', 'persistent-chat'] as const;
type Role = (typeof ROLES)[number];

/**
 * Each bucket has one writer (proto/subjects.ts), and in `members` each role writes the keys of its own. CMS and Director have
 * a list of what they may do: the Front Ends' buckets are named after pools, and no pattern of NATS denies names by how they
 * begin. Edge has one because it faces the Internet, and an inbox of its own: all other inboxes carry what `directory` sends
 * its readers.
 *
 * Edge may read nothing that it may write, nor create streams: a request's reply goes wherever the caller says, past these
 * rules, and what it had written in one bucket would so be delivered into another. So it sees of `members` what Directors
 * say: a consumer's filter is in the subject of the request for it, and NATS holds the consumer to it. An acknowledgement can
 * still be sent elsewhere: CMS writes its buckets anew when it finds anything but its own, the Front Ends' buckets are fenced.
 */
export const natsPermissions = (): NatsPermissions => ({
  'cms.linchpin.internal': {
    publish: { allow: [...['config', 'directory', 'replica'].flatMap(owns), ...joins('cms')] },
    subscribe: noChat,
  },
  'director.linchpin.internal': {
    publish: { allow: [...reads('config'), ...reads('directory'), ...reports, ...joins('director')] },
    subscribe: noChat,
  },
  'frontend.linchpin.internal': {
    publish: {
      deny: [...changes('config'), ...changes('directory'), ...othersInMembers('frontend'), ...touchesChat],
    },
    subscribe: noChat,
  },
  'edge.linchpin.internal': {
    publish: {
      allow: [...reads('config'), ...reports, ...sees('members', 'director.*'), '$KV.members.edge.*'],
    },
    subscribe: { allow: ['_INBOX.edge.>'] },
  },
  'persistent-chat.linchpin.internal': {
    publish: {
      allow: [
        ...reads('config'),
        ...reads('directory'),
        ...reports,
        ...joins('persistent-chat'),
        ...queuesChat,
      ],
    },
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

/** Follows these keys, and no way to get at others. */
const sees = (bucket: string, keys: string): string[] => [
  `$JS.API.STREAM.INFO.KV_${bucket}`,
  `$JS.API.CONSUMER.CREATE.KV_${bucket}.*.$KV.${bucket}.${keys}`,
  `$JS.API.CONSUMER.INFO.KV_${bucket}.*`,
  `$JS.API.CONSUMER.DELETE.KV_${bucket}.*`,
  `$JS.FC.KV_${bucket}.>`,
];

const owns = (bucket: string): string[] => [
  ...reads(bucket),
  `$KV.${bucket}.>`,
  ...['CREATE', ...CHANGES].map((verb) => `$JS.API.STREAM.${verb}.KV_${bucket}`),
];

const CHANGES = ['DELETE', 'PURGE', 'UPDATE', 'MSG.DELETE', 'RESTORE'];

const changes = (bucket: string): string[] => [
  `$KV.${bucket}.>`,
  ...CHANGES.map((verb) => `$JS.API.STREAM.${verb}.KV_${bucket}`),
];

/** In `replica`: the version it runs. */
const reports = ['$JS.API.STREAM.INFO.KV_replica', '$KV.replica.*'];

/** Sees all members, announces itself, makes the bucket where nobody has. */
const joins = (role: Role): string[] => [
  ...reads('members'),
  '$JS.API.STREAM.CREATE.KV_members',
  `$KV.members.${role}.*`,
];

/** proto/chat-events.ts: what is said in rooms, and the queue of the compliance store. */
const CHAT = 'persistent-chat.>';
const CHAT_STREAM = 'PERSISTENT_CHAT';

/**
 * Says what happens in rooms, makes the queue, and takes from it as its one consumer. What is in the queue cannot be taken out
 * in any other way, not by this role either: an event leaves it when the compliance store has it.
 */
const queuesChat: string[] = [
  CHAT,
  ...['INFO', 'CREATE', 'UPDATE'].map((verb) => `$JS.API.STREAM.${verb}.${CHAT_STREAM}`),
  ...['CREATE', 'DURABLE.CREATE', 'INFO', 'MSG.NEXT'].map(
    (verb) => `$JS.API.CONSUMER.${verb}.${CHAT_STREAM}.compliance`,
  ),
  `$JS.API.CONSUMER.CREATE.${CHAT_STREAM}.compliance.>`,
  `$JS.ACK.${CHAT_STREAM}.compliance.>`,
];

/** Nobody else has a say there, nor listens. */
const touchesChat: string[] = [
  CHAT,
  ...['CREATE', ...CHANGES].map((verb) => `$JS.API.STREAM.${verb}.${CHAT_STREAM}`),
  `$JS.API.STREAM.MSG.GET.${CHAT_STREAM}`,
  `$JS.API.DIRECT.GET.${CHAT_STREAM}`,
  `$JS.API.DIRECT.GET.${CHAT_STREAM}.>`,
  `$JS.API.CONSUMER.*.${CHAT_STREAM}`,
  `$JS.API.CONSUMER.*.${CHAT_STREAM}.>`,
  `$JS.API.CONSUMER.*.*.${CHAT_STREAM}.>`,
  `$JS.ACK.${CHAT_STREAM}.>`,
];
const noChat: SubjectRules = { deny: [CHAT] };

const othersInMembers = (role: Role): string[] => [
  ...ROLES.filter((other) => other !== role).map((other) => `$KV.members.${other}.>`),
  ...CHANGES.map((verb) => `$JS.API.STREAM.${verb}.KV_members`),
];
