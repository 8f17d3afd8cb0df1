import { hostConfig } from '@linchpin/host';
import { memberConfig } from '@linchpin/topology';
import { z } from 'zod';

export const cmsConfig = hostConfig.required({ nats: true, postgres: true }).extend({
  ...memberConfig('cms'),
  bucketReplicas: z
    .union([z.literal(1), z.literal(3), z.literal(5)])
    .default(1)
    .describe('how many NATS servers keep each bucket; 3 where NATS is a cluster'),
});

export type CmsConfig = z.infer<typeof cmsConfig>;
