import { bucketLimits, hostConfig } from '@linchpin/host';
import { memberConfig } from '@linchpin/topology';
import { z } from 'zod';
import { complianceConfig } from './compliance/config.ts';

const whole = (min: number, max: number) => z.int().min(min).max(max);

/** REST and event streams for people's clients: HTTPS. */
const webConfig = z
  .strictObject({
    enabled: z.boolean().default(true),
    address: z.string().min(1).default('0.0.0.0'),
    port: whole(0, 65_535).default(7443),
    /** PEM files of the certificate that clients see; without it there is no listener. */
    tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
    /** Web pages of other origins that may use it from a browser, such as https://chat.contoso.com. */
    origins: z
      .array(z.url({ protocol: /^https?$/ }))
      .max(100)
      .default([]),
    /** Users whose requests for what only administrators may do are those of an administrator. */
    administrators: z.array(z.string().min(3)).max(1000).default([]),
    /** Seconds that a bearer token is good for. */
    tokenSeconds: whole(60, 86_400).default(3600),
    nonceSeconds: whole(10, 3600).default(300),
    limits: z
      .strictObject({
        connections: whole(1, 1_000_000).default(20_000),
        perUser: bucketLimits(50, 200),
        /** Requests of a user that are under way at one time, but for event streams. */
        atOncePerUser: whole(1, 10_000).default(64),
        /** Of one address, which may be that of a proxy in front of many. */
        perSource: bucketLimits(200, 1000),
        /** Wrong passwords of one address. */
        failuresPerSource: bucketLimits(0.2, 20),
        /** Wrong passwords for one user, wherever they come from. */
        failuresPerUser: bucketLimits(0.2, 10),
        bodyBytes: whole(1024, 16_777_216).default(1_048_576),
        headersSeconds: whole(1, 300).default(10),
        /** From the first byte of a request to its last: what is slower than a file of full size in that time is ended. */
        requestSeconds: whole(1, 86_400).default(300),
        /** A JSON body has to be there in so long. */
        bodySeconds: whole(1, 300).default(10),
        /** Without a byte going either way. */
        idleSeconds: whole(1, 3600).default(60),
      })
      .prefault({}),
    streams: z
      .strictObject({
        rooms: whole(1, 500).default(50),
        perUser: whole(1, 1000).default(10),
        heartbeatSeconds: whole(1, 300).default(15),
        /** A reader that leaves so much unread is ended, and may come back for what it missed. */
        bufferedBytes: whole(1024, 67_108_864).default(1_048_576),
        /** Posts that were missed and are given again in each room, at most. */
        resumedPosts: whole(0, 10_000).default(500),
      })
      .prefault({}),
  })
  .prefault({});

const filesConfig = z
  .strictObject({
    /** Where uploads are put together, and kept unless `s3` is given: then shared by all pods. `files` in dataDir unless told. */
    directory: z.string().min(1).optional(),
    s3: z
      .strictObject({
        /** Such as https://s3.eu-central-1.amazonaws.com; the bucket is in the path. */
        endpoint: z.url({ protocol: /^https?$/ }),
        bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket'),
        prefix: z
          .string()
          .regex(/^([A-Za-z0-9_-]+\/)*$/, 'must be empty or end with "/"')
          .default(''),
        region: z.string().min(1).default('us-east-1'),
        /** A file with `<access key id>:<secret access key>`, read anew for each request. */
        credentialsFile: z.string().min(1),
      })
      .optional(),
    scan: z
      .strictObject({
        /** Program and arguments; the path of the file is added. Status 0: clean, 1: refused, anything else: not scanned. */
        command: z.array(z.string().min(1)).min(1).optional(),
        /** Gets the bytes as POST. 2xx: clean, 403, 406 and 422: refused, anything else: not scanned. */
        url: z.url({ protocol: /^https?$/ }).optional(),
        seconds: whole(1, 600).default(60),
        /** What could not be scanned is taken all the same. */
        takeUnscanned: z.boolean().default(false),
      })
      .refine(
        ({ command, url }) => (command === undefined) !== (url === undefined),
        'needs either command or url',
      )
      .optional(),
    /** Uploads at one time at this pod. */
    uploads: whole(1, 10_000).default(100),
    /** Hours after which what nothing refers to is removed from the store. */
    keepUnusedHours: whole(1, 8760).default(24),
    /** Millions of bytes that uploads leave free on the disk of `directory`: what would not fit is refused before its first byte. */
    keepFreeMegabytes: whole(0, 10_000_000).default(100),
  })
  .prefault({});

/** Limits of the product are in the document PersistentChatConfiguration; here is what a pod is made of. */
export const persistentChatConfig = hostConfig.required({ nats: true, postgres: true }).extend({
  ...memberConfig('persistent-chat'),
  /** The SIP domain that the pool serves. */
  domain: z.string().min(1),
  /** The compliance store, which may be another database of the same server. Without it events wait in the queue. */
  compliance: complianceConfig.optional(),
  /** 32 bytes, the same at all pods of the pool: signs nonces and bearer tokens. Without it each pod takes only its own. */
  signingKeyFile: z.string().min(1).optional(),
  web: webConfig,
  files: filesConfig,
  queue: z
    .strictObject({
      /** How many NATS servers keep the queue: 3 where NATS is a cluster. */
      replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
      /** Bytes; when it is full events stay in the outbox. */
      maxBytes: whole(1_048_576, Number.MAX_SAFE_INTEGER).default(1_073_741_824),
    })
    .prefault({}),
});

export type PersistentChatConfig = z.infer<typeof persistentChatConfig>;
