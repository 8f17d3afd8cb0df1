import { bucketLimits, hostConfig } from '@linchpin/host';
import { memberConfig } from '@linchpin/topology';
import { z } from 'zod';

const listener = (port: number) =>
  z
    .strictObject({
      address: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65535).default(port),
    })
    .prefault({});

export const edgeConfig = hostConfig.extend({
  ...memberConfig('edge'),
  domain: z.string().describe('the SIP domain whose Front End pods are <pod>.<domain> in Via'),
  advertised: z
    .string()
    .optional()
    .describe('host:port that remote clients reach; by default the TLS listener itself'),
  sipTls: z
    .strictObject({ cert: z.string(), key: z.string() })
    .describe('paths of the certificate for clients'),
  listeners: z.strictObject({ accessTls: listener(443), accessWss: listener(4443) }).prefault({}),
  newConnections: bucketLimits(20, 100).describe('from one source address'),
  signInSeconds: z.number().min(1).default(30).describe('a connection without identity by then is closed'),
  bodyBytes: z
    .int()
    .min(64 * 1024)
    .max(256 * 1024)
    .default(128 * 1024)
    .describe('of one message'),
});

export type EdgeConfig = z.infer<typeof edgeConfig>;
