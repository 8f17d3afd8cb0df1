import { hostConfig } from '@linchpin/host';
import { memberConfig } from '@linchpin/topology';
import { z } from 'zod';

const bucket = (perSecond: number, burst: number) =>
  z
    .strictObject({
      perSecond: z
        .number()
        .min(0)
        .default(perSecond)
        .describe('tokens that come back each second; 0 switches the limit off'),
      burst: z.number().int().min(1).default(burst),
    })
    .prefault({});

export const directorConfig = hostConfig.extend({
  ...memberConfig('director'),
  limits: z
    .strictObject({
      unauthenticated: bucket(50, 200).describe('requests of one source address before sign-in'),
      account: bucket(600, 1200).describe('requests of one signed-in account'),
      sourceFailures: bucket(0.5, 20).describe('wrong passwords from one source address'),
      accountFailures: bucket(0.2, 10).describe('wrong passwords for one account'),
    })
    .prefault({}),
  nonceLifetime: z.number().int().min(30).default(300).describe('seconds'),
});

export type DirectorConfig = z.infer<typeof directorConfig>;
