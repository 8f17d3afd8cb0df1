import { hostConfig, postgresConfig } from '@linchpin/host';
import { memberConfig } from '@linchpin/topology';
import { z } from 'zod';

const whole = (min: number, max: number) => z.int().min(min).max(max);

/** Limits of the product are in the document PersistentChatConfiguration; here is what a pod is made of. */
export const persistentChatConfig = hostConfig.required({ nats: true, postgres: true }).extend({
  ...memberConfig('persistent-chat'),
  /** The SIP domain that the pool serves. */
  domain: z.string().min(1),
  /** The compliance store, which may be another database of the same server. Without it events wait in the queue. */
  compliance: z.strictObject({ postgres: postgresConfig }).optional(),
  /** REST and event streams for people's clients: HTTPS. */
  web: z
    .strictObject({
      enabled: z.boolean().default(true),
      address: z.string().min(1).default('0.0.0.0'),
      port: whole(0, 65_535).default(7443),
      /** PEM files of the certificate that clients see. */
      tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
    })
    .prefault({}),
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
