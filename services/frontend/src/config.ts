import { bucketLimits, hostConfig } from '@linchpin/host';
import { memberConfig } from '@linchpin/topology';
import { z } from 'zod';

const port = z.int().min(0).max(65_535);

const listener = (standardPort: number) =>
  z
    .strictObject({
      enabled: z.boolean().default(true),
      address: z.string().min(1).default('127.0.0.1'),
      port: port.default(standardPort),
      sentBy: z
        .string()
        .min(1)
        .optional()
        .describe(
          'host:port by which clients come back here, for Via and Record-Route; else the local address',
        ),
    })
    .prefault({});

export const frontendConfig = hostConfig.extend({
  ...memberConfig('frontend'),
  domain: z.string().min(1).describe('Edge finds this pod by <pod>.<domain> in Via'),
  nats: z.strictObject({ servers: z.array(z.string().min(1)).min(1) }),
  sipTls: z
    .strictObject({ cert: z.string().min(1), key: z.string().min(1) })
    .optional()
    .describe('paths of the certificate for internal clients; without it there is no TLS listener'),
  listeners: z
    .strictObject({ sipUdp: listener(5060), sipTcp: listener(5060), sipTls: listener(5061) })
    .prefault({}),
  limits: z
    .strictObject({
      connections: z.int().min(1).default(20_000),
      connectionsPerSource: z
        .int()
        .min(1)
        .default(15_000)
        .describe('proxies and load tests bring many clients'),
      halfOpenSeconds: z.number().min(1).default(10),
      idleSeconds: z.number().min(30).default(1200),
      bodyBytes: z
        .int()
        .min(64 * 1024)
        .max(256 * 1024)
        .default(128 * 1024),
      sourceFailures: bucketLimits(5, 100).describe(
        'wrong passwords from one address, which may be that of a load balancer in front of many',
      ),
      accountFailures: bucketLimits(0.2, 10).describe('wrong passwords for one account'),
    })
    .prefault({}),
  registrar: z
    .strictObject({
      graceSeconds: z.number().min(0).default(20).describe('a binding outlives its connection by so long'),
      flowTimer: z
        .int()
        .min(30)
        .default(120)
        .describe('seconds between keep-alives of clients (RFC 5626 4.4.1)'),
    })
    .prefault({}),
  state: z
    .strictObject({
      replicas: z
        .int()
        .min(1)
        .max(5)
        .default(1)
        .describe('copies that a NATS cluster keeps of the user state'),
      patienceSeconds: z
        .number()
        .min(0.1)
        .max(30)
        .default(5)
        .describe(
          'a write waits so long for the store; a request for somebody who serves its user, but 5 s at most',
        ),
    })
    .prefault({}),
  signingKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'path of 32 secret bytes, the same for all Front Ends of a pool; without it each has its own in dataDir',
    ),
  nonceLifetime: z.int().min(30).default(300).describe('seconds'),
});

export type FrontendConfig = z.infer<typeof frontendConfig>;
