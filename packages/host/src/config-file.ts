import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import type { z } from 'zod';
import { EXIT, HostError } from './host-error.ts';

type Environment = Record<string, string | undefined>;

/** `--config file.yaml`, else LINCHPIN_CONFIG. */
export function configPath(args: string[], env: Environment): string {
  const path = readArguments(args).config ?? env.LINCHPIN_CONFIG;
  if (!path) throw wrong('no configuration: give --config <file.yaml> or set LINCHPIN_CONFIG');
  return path;
}

/** The command line of every role. */
export function readArguments(args: string[]): { config?: string; migrate?: boolean } {
  try {
    return parseArgs({ args, options: { config: { type: 'string' }, migrate: { type: 'boolean' } } }).values;
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

/** Reads, fills in `${VARIABLE}`s and checks; the error names each wrong key by its path. */
export async function readConfig<C>(path: string, schema: z.ZodType<C>, env: Environment): Promise<C> {
  const result = schema.safeParse(substitute(await readYaml(path), env, ''), { reportInput: false });
  if (result.success) return result.data;
  throw wrong(`${path}:\n${result.error.issues.flatMap(describeIssue).join('\n')}`);
}

async function readYaml(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw wrong(`cannot read the configuration: ${error.message}`);
  });
  try {
    return parse(text);
  } catch (error) {
    throw wrong(`${path}: ${(error as Error).message}`);
  }
}

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

// The same file serves all pods of a role: what differs comes from the environment (`name: ${POD_NAME}`).
function substitute(value: unknown, env: Environment, path: string): unknown {
  if (typeof value === 'string') return value.replace(VARIABLE, (_, name: string) => lookUp(name, env, path));
  if (Array.isArray(value)) return value.map((entry, index) => substitute(entry, env, `${path}.${index}`));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, substitute(entry, env, path ? `${path}.${key}` : key)]),
  );
}

function lookUp(name: string, env: Environment, path: string): string {
  const value = env[name];
  if (value === undefined) throw wrong(`${path}: environment variable ${name} is not set`);
  return value;
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return [`  ${path || '(file)'}: ${issue.message}`];
  return issue.keys.map((key) => `  ${path ? `${path}.` : ''}${key}: unknown key`);
}

/** The keys whose value is this port, to name them when it is taken: 'rpc.port'. */
export function portKeys(config: unknown, port: number, path = ''): string[] {
  if (config === port && /port$/i.test(path)) return [path];
  if (typeof config !== 'object' || config === null) return [];
  return Object.entries(config).flatMap(([key, value]) =>
    portKeys(value, port, path ? `${path}.${key}` : key),
  );
}

const wrong = (message: string) => new HostError(message, EXIT.config);
