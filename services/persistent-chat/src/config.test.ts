import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { persistentChatConfig } from './config.ts';

const example = async (): Promise<Record<string, unknown>> =>
  parse(await readFile(new URL('../config.example.yaml', import.meta.url), 'utf8'));

test('the example is a configuration, and says the defaults', async () => {
  const given = await example();
  const config = persistentChatConfig.parse(given);
  const { tls, ...web } = config.web;
  const least = persistentChatConfig.parse({
    ...Object.fromEntries(
      ['name', 'role', 'dataDir', 'rpc', 'http', 'tls', 'nats', 'postgres', 'domain'].map((key) => [
        key,
        given[key],
      ]),
    ),
  });
  expect({ ...config, web, compliance: undefined }).toEqual({ ...least, compliance: undefined });
});

test('what it does not know is an error, and so is what it cannot do without', async () => {
  const given = await example();
  const problems = (changes: object) =>
    persistentChatConfig.safeParse({ ...given, ...changes }).error?.issues ?? [];
  expect(problems({ colour: 'red' })).toMatchObject([{ code: 'unrecognized_keys', keys: ['colour'] }]);
  for (const key of ['postgres', 'nats', 'domain'])
    expect(problems({ [key]: undefined })).toMatchObject([{ path: [key] }]);
});
