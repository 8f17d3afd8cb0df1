import { hostConfig } from '@linchpin/host';
import { z } from 'zod';

const listener = (port: number) =>
  z
    .strictObject({
      address: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65535).default(port),
    })
    .prefault({});

export const edgeConfig = hostConfig.extend({
  domain: z.string().describe('the SIP domain whose Front End pods are <pod>.<domain> in Via'),
  nextHop: z.string().default('director').describe('the pool of Directors'),
  advertised: z
    .string()
    .optional()
    .describe('host:port that remote clients reach; by default the TLS listener itself'),
  sipTls: z
    .strictObject({ cert: z.string(), key: z.string() })
    .describe('paths of the certificate for clients'),
  listeners: z.strictObject({ accessTls: listener(443), accessWss: listener(4443) }).prefault({}),
  limits: z
    .strictObject({
      connections: z.number().int().min(1).default(15_000),
      connectionsPerSource: z.number().int().min(1).default(500),
      newConnectionsPerSecond: z
        .number()
        .min(0)
        .default(20)
        .describe('of one source address; 0 switches the limit off'),
      newConnectionsBurst: z.number().int().min(1).default(100),
      messagesPerSecond: z
        .number()
        .min(0)
        .default(100)
        .describe('of one connection; 0 switches the limit off'),
      messagesBurst: z.number().int().min(1).default(300),
      halfOpenSeconds: z.number().min(1).default(10),
      signInSeconds: z
        .number()
        .min(1)
        .default(30)
        .describe('a connection that has not signed in by then is closed'),
      idleSeconds: z.number().min(30).default(1200),
      bodyBytes: z
        .number()
        .int()
        .min(64 * 1024)
        .max(256 * 1024)
        .default(128 * 1024),
    })
    .prefault({}),
});

export type EdgeConfig = z.infer<typeof edgeConfig>;
