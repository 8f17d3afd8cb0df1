import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { hostConfig } from './config.ts';
import { configPath, portKeys, readConfig } from './config-file.ts';

const schema = hostConfig.extend({
  greeter: z.strictObject({ port: z.int(), word: z.string().default('hello') }),
});

const good = `
name: \${POD_NAME}
role: greeter
dataDir: /var/lib/linchpin
rpc: { port: 7020 }
http: { address: 127.0.0.1, port: 7021 }
tls: { ca: ca.pem, cert: greeter.pem, key: greeter.key }
greeter: { port: 5060 }
`;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'linchpin-config-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function read(yaml: string, env: Record<string, string> = { POD_NAME: 'greeter-3' }) {
  const path = join(dir, 'config.yaml');
  await writeFile(path, yaml);
  return readConfig(path, schema, env);
}

test("the role's schema extends the host's, with defaults and the environment's values", async () => {
  expect(await read(good)).toMatchObject({
    name: 'greeter-3',
    rpc: { address: '0.0.0.0', port: 7020 },
    greeter: { word: 'hello' },
    log: { level: 'info' },
    drainSeconds: 20,
  });
});

test.each([
  ['an unknown key', `${good}colour: red`, 'colour: unknown key'],
  [
    'an unknown key further down',
    good.replace('port: 5060', 'port: 1, prot: 2'),
    'greeter.prot: unknown key',
  ],
  [
    'a wrong type',
    good.replace('5060', 'many'),
    'greeter.port: Invalid input: expected number, received string',
  ],
  [
    'a missing key',
    good.replace('dataDir', '#'),
    'dataDir: Invalid input: expected string, received undefined',
  ],
  ['an impossible port', good.replace('7021', '70210'), 'http.port: Too big: expected number to be <=65535'],
  ['an inline password', `${good}postgres: { password: x }`, 'postgres.password: unknown key'],
  ['a key given twice', `${good}role: greeter`, 'Map keys must be unique'],
  ['an empty file', '', 'Invalid input: expected object'],
])('%s is an error that names it', async (_, yaml, message) => {
  await expect(read(yaml)).rejects.toThrow(message);
  await expect(read(yaml)).rejects.toMatchObject({ name: 'HostError', exitCode: 2 });
});

test('an environment variable that is not set is an error that names key and variable', async () => {
  await expect(read(good, {})).rejects.toThrow('name: environment variable POD_NAME is not set');
});

test('a file that cannot be read is named', async () => {
  await expect(readConfig(join(dir, 'absent.yaml'), schema, {})).rejects.toThrow('absent.yaml');
});

test('the command line goes before the environment', () => {
  expect(configPath(['--config', 'a.yaml'], { LINCHPIN_CONFIG: 'b.yaml' })).toBe('a.yaml');
  expect(configPath([], { LINCHPIN_CONFIG: 'b.yaml' })).toBe('b.yaml');
  expect(() => configPath([], {})).toThrow('give --config <file.yaml> or set LINCHPIN_CONFIG');
  expect(() => configPath(['--confg', 'a.yaml'], {})).toThrow('--confg');
});

test('a port is found by its key', () => {
  const config = { rpc: { port: 7 }, listeners: [{ port: 9, limit: 7 }], tlsPort: 7 };
  expect(portKeys(config, 7)).toEqual(['rpc.port', 'tlsPort']);
  expect(portKeys(config, 9)).toEqual(['listeners.0.port']);
  expect(portKeys(config, 8)).toEqual([]);
});
