// The OpenAPI 3.1 document, made of the same table and schemas that requests are dispatched and validated by.
import { z } from 'zod';
import type { Route } from './route.ts';
import { problem } from './schemas.ts';
import { table } from './table.ts';

type Json = Record<string, unknown>;

const API_VERSION = '1.0.0';

let made: Json | undefined;

/** Made when first asked for, the same object from then on. */
export const createOpenApi = (): Json => (made ??= documentOf(table));

function documentOf(routes: readonly Route[]): Json {
  const components: Json = {};
  const schemaOf = createSchemas(components);
  const problems = {
    description: 'Refused',
    content: { 'application/problem+json': { schema: schemaOf(problem, 'output') } },
  };
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    (paths[route.path] as Json)[route.method.toLowerCase()] = operation(route, schemaOf);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Linchpin Persistent Chat',
      version: API_VERSION,
      description:
        'Rooms that last, what is said in them, and who may be there. Errors are problems (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ bearer: [] }, { digest: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'What POST /v1/token gave' },
        digest: { type: 'http', scheme: 'digest', description: 'RFC 7616, the realm is the SIP domain' },
      },
      responses: { Problem: problems },
      schemas: components,
    },
  };
}

type SchemaOf = (schema: z.ZodType, io: 'input' | 'output') => Json;

/** Schemas with an id become components, and everything else says what it is in place. */
function createSchemas(components: Json): SchemaOf {
  return (schema, io) => {
    const {
      $schema: _,
      $defs,
      ...own
    } = z.toJSONSchema(schema, { io, override: io === 'input' ? plain : open }) as Json;
    for (const [name, definition] of Object.entries(($defs ?? {}) as Json))
      components[name] = linked(definition);
    const id = z.globalRegistry.get(schema)?.id;
    if (id === undefined) return linked(own) as Json;
    // Where something in it refers to it, zod has it among the definitions.
    if (own.$ref === undefined) components[id] = linked(own);
    return { $ref: `#/components/schemas/${id}` };
  };
}

/** Less noise: the format says it all, whole numbers are as large as they can be, and answers may get more members later. */
function plain({ jsonSchema }: { jsonSchema: Json }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minLength === 0) delete jsonSchema.minLength;
}

function open(each: { jsonSchema: Json }): void {
  plain(each);
  if (each.jsonSchema.additionalProperties === false) delete each.jsonSchema.additionalProperties;
}

function linked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(linked);
  if (typeof value !== 'object' || value === null) return value;
  // Zod repeats the id of a schema in it: no keyword of its own. In `properties` an `id` is a schema, no text.
  const entries = Object.entries(value).filter(([key, each]) => key !== 'id' || typeof each !== 'string');
  return Object.fromEntries(
    entries.map(([key, each]) => [
      key,
      key === '$ref' && typeof each === 'string'
        ? each.replace('#/$defs/', '#/components/schemas/')
        : linked(each),
    ]),
  );
}

function operation(route: Route, schemaOf: SchemaOf): Json {
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description && { description: route.description }),
    ...(route.open === 'everybody' && { security: [] }),
    ...(route.open === 'digest' && { security: [{ digest: [] }] }),
    parameters: [
      ...parameters(route.params, 'path', schemaOf),
      ...parameters(route.query, 'query', schemaOf),
    ],
    ...requestBody(route, schemaOf),
    responses: { ...answers(route, schemaOf), default: { $ref: '#/components/responses/Problem' } },
  };
}

function parameters(schema: z.ZodObject, where: 'path' | 'query', schemaOf: SchemaOf): Json[] {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...own }]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    schema: own,
  }));
}

function requestBody({ body, takesBytes }: Route, schemaOf: SchemaOf): Json {
  if (takesBytes)
    return { requestBody: { required: true, content: { 'application/octet-stream': { schema: {} } } } };
  if (body === undefined) return {};
  return {
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
  };
}

function answers({ status, answer, streams }: Route, schemaOf: SchemaOf): Json {
  if (streams)
    return Object.fromEntries(
      streams.map(({ status, type, description, events }) => {
        const named = Object.entries(events ?? {}).map(([name, schema]) => [
          name,
          schemaOf(schema, 'output'),
        ]);
        const content = {
          schema: events ? { type: 'string' } : {},
          // OpenAPI 3.1 has no way to say what a stream consists of.
          ...(events && { 'x-events': Object.fromEntries(named) }),
        };
        return [status, { description, content: { [type]: content } }];
      }),
    );
  if (answer === undefined) return { [status]: { description: 'Done' } };
  return {
    [status]: {
      description: 'Done',
      content: { 'application/json': { schema: schemaOf(answer, 'output') } },
    },
  };
}
