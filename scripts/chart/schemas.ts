// Turns Kubernetes' OpenAPI document into the JSON schemas that kubeconform reads, one for each kind:
// `node scripts/chart/schemas.ts <swagger.json> <folder>`. Keys that Kubernetes does not know are errors in them.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
  [key: string]: unknown;
}

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const PREFIX = '#/definitions/';

const [swagger, folder] = process.argv.slice(2);
if (swagger === undefined || folder === undefined)
  throw new Error('usage: schemas.ts <swagger.json> <folder>');
const { definitions } = JSON.parse(readFileSync(swagger, 'utf8')) as { definitions: Record<string, Schema> };

// Under another name until it is whole: a folder that is there is taken for complete.
const draft = `${folder}.draft`;
rmSync(draft, { recursive: true, force: true });
mkdirSync(draft, { recursive: true });
for (const [name, definition] of Object.entries(definitions)) {
  const [kind, ...others] = definition['x-kubernetes-group-version-kind'] ?? [];
  // DeleteOptions and the like belong to every group.
  if (kind === undefined || others.length > 0) continue;
  const group = kind.group === '' ? '' : `${kind.group.split('.')[0]}-`;
  const file = `${kind.kind}-${group}${kind.version}.json`.toLowerCase();
  writeFileSync(join(draft, file), JSON.stringify(schemaOf(name)));
}
rmSync(folder, { recursive: true, force: true });
renameSync(draft, folder);

function schemaOf(name: string): Schema {
  const used: Record<string, Schema> = {};
  collect(name, used);
  return { $ref: PREFIX + name, definitions: used };
}

function collect(name: string, used: Record<string, Schema>): void {
  if (Object.hasOwn(used, name)) return;
  used[name] = {};
  const strict = strictly(definitions[name] as Schema, name);
  used[name] = strict;
  for (const target of references(strict)) collect(target, used);
}

function strictly(schema: Schema, name = ''): Schema {
  if (name === QUANTITY || schema.format === 'int-or-string') return { type: ['string', 'number'] };
  const { properties, items, additionalProperties } = schema;
  return {
    ...schema,
    ...(properties && {
      properties: mapValues(properties, (each) => strictly(each)),
      additionalProperties: false,
    }),
    ...(items && { items: strictly(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: strictly(additionalProperties) }),
  };
}

function mapValues<T, U>(values: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { $ref } = value as Schema;
  const own = typeof $ref === 'string' ? [$ref.slice(PREFIX.length)] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}
