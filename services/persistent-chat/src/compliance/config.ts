import { postgresConfig } from '@linchpin/host';
import { z } from 'zod';

const name = z.string().regex(/^[a-z0-9][-a-z0-9]{0,62}$/, 'must be of small letters, digits and "-"');
const address = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}$/, 'must be a mail address');

/** Each writes into a folder of its own, which all pods see. */
export const adapterConfig = z.union([
  z.strictObject({ name, format: z.enum(['xml', 'ndjson', 'csv']), folder: z.string().min(1) }),
  z.strictObject({ name, format: z.literal('eml'), folder: z.string().min(1), from: address, to: address }),
  z.strictObject({
    name,
    /** Path of an ES module that exports `createAdapter`; see docs/compliance.md. */
    module: z.string().min(1),
    options: z.record(z.string(), z.unknown()).default({}),
  }),
]);

export const complianceConfig = z.strictObject({
  postgres: postgresConfig,
  adapters: z
    .array(adapterConfig)
    .default([])
    .refine(areApart, 'names and folders must differ from each other'),
  /**
   * An export that one administrator asks for has to be approved by another one, told apart by the names in their certificates; what
   * one alone asks is answered without what people said.
   */
  fourEyes: z.boolean().default(false),
  /** Seconds that the store may be behind before categories that require compliance take no posts. */
  maxLagSeconds: z.int().min(1).max(86_400).default(60),
});

export type AdapterConfig = z.infer<typeof adapterConfig>;
export type ComplianceConfig = z.infer<typeof complianceConfig>;

function areApart(adapters: z.infer<typeof adapterConfig>[]): boolean {
  const names = adapters.map((adapter) => adapter.name);
  const folders = adapters.flatMap((adapter) => ('folder' in adapter ? [adapter.folder] : []));
  return new Set(names).size === names.length && new Set(folders).size === folders.length;
}
