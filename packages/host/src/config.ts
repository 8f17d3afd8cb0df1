import { z } from 'zod';

const port = z.int().min(0).max(65_535);
const listener = z.strictObject({ address: z.string().min(1).default('0.0.0.0'), port });

/** Paths of PEM files. The certificate's SAN holds `<role>.linchpin.internal`, see `callerRole`. */
const tlsFiles = z.strictObject({
  ca: z.string().min(1),
  cert: z.string().min(1),
  key: z.string().min(1),
});

/** Of token buckets, with what they are unless told otherwise. */
export const bucketLimits = (perSecond: number, burst: number) =>
  z
    .strictObject({
      perSecond: z
        .number()
        .min(0)
        .max(100_000)
        .default(perSecond)
        .describe('tokens that come back each second; 0 switches the limit off'),
      burst: z.int().min(1).max(1_000_000).default(burst),
    })
    .prefault({});

export const postgresConfig = z.strictObject({
  host: z.string().min(1),
  port: port.default(5432),
  user: z.string().min(1),
  database: z.string().min(1),
  /** The password itself is never in the configuration: a file, or the environment's LINCHPIN_POSTGRES_PASSWORD. */
  passwordFile: z.string().min(1).optional(),
  /** Path of the CA that signed the server's certificate, which has to name `host`. Without it nothing is encrypted. */
  ca: z.string().min(1).optional(),
  /** Connections kept at most. */
  connections: z.int().min(1).max(200).default(10),
});

/** What every role's configuration holds; a role extends it: `hostConfig.extend({ … })` stays strict. */
export const hostConfig = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a pod name such as frontend-0'),
  role: z.string().min(1),
  dataDir: z.string().min(1),
  rpc: listener,
  http: listener,
  tls: tlsFiles,
  nats: z.strictObject({ servers: z.array(z.string().min(1)).min(1) }).optional(),
  postgres: postgresConfig.optional(),
  log: z
    .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) })
    .default({ level: 'info' }),
  /** How long SIGTERM waits for what is under way before everything is closed. */
  drainSeconds: z.number().min(0).max(3600).default(20),
});

export type HostConfig = z.infer<typeof hostConfig>;
export type TlsFiles = z.infer<typeof tlsFiles>;
export type PostgresConfig = z.infer<typeof postgresConfig>;
