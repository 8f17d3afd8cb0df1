// A user: who may sign in, where the user is homed, which policies were given, and the user's access-control containers.
import { z } from 'zod';
import { label, tag } from './names.ts';

/** The container whose members are blocked, whatever other containers they are in. */
export const BLOCKED_CONTAINER = 32000;

const containerMember = z
  .string()
  .max(300)
  .regex(
    /^(sip:[!-9;-?A-~]+@[a-z0-9.-]+|domain:[a-z0-9.-]+|sameEnterprise|federated|publicCloud|everyone)$/,
    'must be sip:user@domain, domain:name, sameEnterprise, federated, publicCloud or everyone',
  );

const container = z.strictObject({
  id: z.int().min(0).max(32767),
  members: z.array(containerMember).max(1000),
});

export const userSpec = z
  .strictObject({
    displayName: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not hold control characters')
      .optional(),
    enabled: z.boolean().default(true),
    pool: label,
    policies: z
      .strictObject({
        presence: tag.optional(),
        externalAccess: tag.optional(),
        persistentChat: tag.optional(),
      })
      .optional(),
    containers: z.array(container).max(100).optional(),
  })
  .superRefine((spec, context) => {
    const seen = new Set<number>();
    spec.containers?.forEach(({ id }, at) => {
      if (seen.has(id))
        context.addIssue({ code: 'custom', path: ['containers', at, 'id'], message: 'is listed twice' });
      seen.add(id);
    });
  });

export type UserSpec = z.output<typeof userSpec>;
