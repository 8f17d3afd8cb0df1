// Policies (given to users) and configurations (of pools and sites): ranges and defaults of each setting.
import { z } from 'zod';

const whole = (min: number, max: number) => z.int().min(min).max(max);
const seconds = (from = 1) => whole(from, 7 * 24 * 3600);

const digestAlgorithm = z.enum(['MD5', 'SHA-256', 'SHA-512-256']);

export const registrarConfigurationSpec = z
  .strictObject({
    maxEndpointsPerUser: whole(1, 64).default(8),
    maxUserCount: whole(2000, 100_000).default(12_000),
    minExpires: seconds(30).default(300),
    defaultExpires: seconds(30).default(600),
    maxExpires: seconds(30).default(900),
    /**
     * What a challenge offers, in this order; a client takes the first that it knows (RFC 8760 2.4). MD5 leads because clients
     * that know nothing else give up on a first challenge they cannot answer; name SHA-256 alone to be strict.
     */
    digestAlgorithms: z
      .array(digestAlgorithm)
      .min(1)
      .refine((list) => new Set(list).size === list.length, 'must not name an algorithm twice')
      .default(['MD5', 'SHA-256']),
  })
  .superRefine(ascending('minExpires', 'defaultExpires', 'maxExpires'));

export const presencePolicySpec = z
  .strictObject({
    /** Only people on the user's list of contacts see the user's presence. */
    privacyMode: z.boolean().default(false),
    maxSubscribers: whole(0, 3000).default(1000),
    maxPromptedSubscribers: whole(0, 600).default(200),
    minSubscriptionExpires: seconds().default(60),
    defaultSubscriptionExpires: seconds().default(28_800),
    maxSubscriptionExpires: seconds().default(43_200),
  })
  .superRefine(ascending('minSubscriptionExpires', 'defaultSubscriptionExpires', 'maxSubscriptionExpires'));

export const externalAccessPolicySpec = z.strictObject({ outsideAccess: z.boolean().default(true) });

export const accessEdgeConfigurationSpec = z.strictObject({
  allowOutsideUsers: z.boolean().default(true),
  maxConnections: whole(1, 1_000_000).default(20_000),
  maxConnectionsPerSource: whole(1, 100_000).default(1000),
  /** From accept to the end of the first whole message. */
  halfOpenSeconds: whole(1, 300).default(15),
  idleSeconds: whole(30, 86_400).default(900),
  /** For one message to arrive whole. */
  messageSeconds: whole(1, 300).default(30),
  maxMessagesPerSecondPerSource: whole(1, 100_000).default(2000),
});

export type DigestAlgorithm = z.output<typeof digestAlgorithm>;
export type RegistrarConfigurationSpec = z.output<typeof registrarConfigurationSpec>;
export type PresencePolicySpec = z.output<typeof presencePolicySpec>;
export type ExternalAccessPolicySpec = z.output<typeof externalAccessPolicySpec>;
export type AccessEdgeConfigurationSpec = z.output<typeof accessEdgeConfigurationSpec>;

function ascending<K extends string>(...keys: K[]) {
  return (spec: Record<K, number>, context: z.RefinementCtx): void => {
    keys.slice(1).forEach((key, at) => {
      const smaller = keys[at] as K;
      if (spec[key] < spec[smaller])
        context.addIssue({ code: 'custom', path: [key], message: `must not be less than ${smaller}` });
    });
  };
}
