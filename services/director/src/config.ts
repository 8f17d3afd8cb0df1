import { bucketLimits, hostConfig } from '@linchpin/host';
import { memberConfig } from '@linchpin/topology';
import { z } from 'zod';

export const directorConfig = hostConfig.extend({
  ...memberConfig('director'),
  limits: z
    .strictObject({
      unauthenticated: bucketLimits(50, 200).describe('requests of one source address before sign-in'),
      account: bucketLimits(600, 1200).describe('requests of one signed-in account'),
      sourceFailures: bucketLimits(0.5, 20).describe('wrong passwords from one source address'),
      accountFailures: bucketLimits(0.2, 10).describe('wrong passwords for one account'),
    })
    .prefault({}),
  nonceLifetime: z.number().int().min(30).default(300).describe('seconds'),
});

export type DirectorConfig = z.infer<typeof directorConfig>;
