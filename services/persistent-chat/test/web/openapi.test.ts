// The document that is checked in is current; a foreign generator makes a client of it, which a program uses against the server.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../../../test/peers/process.ts';
import { createOpenApi } from '../../src/web/openapi.ts';
import { table } from '../../src/web/table.ts';
import { createWebRig, type WebRig } from './rig.ts';

const root = join(import.meta.dirname, '../../../..');
const checkedIn = join(root, 'docs/openapi/persistent-chat.json');

let rig: WebRig;
let folder: string;

beforeAll(async () => {
  rig = await createWebRig();
  // Inside the project, so that what the generated code imports is found.
  folder = await mkdtemp(join(import.meta.dirname, '.client-'));
});
afterAll(async () => {
  await rig?.close();
  await rm(folder, { recursive: true, force: true });
});

async function done(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const running = run(command, args, { cwd: folder, env: { ...process.env, ...env } });
  if ((await running.exited) !== 0) throw new Error(`${command} failed:\n${running.output()}`);
  return running.output();
}

test('The document in docs is the one that is served: `npm run gen` writes it', async () => {
  const served = (await rig.ask('/v1/openapi.json')).json;
  expect(JSON.parse(await readFile(checkedIn, 'utf8'))).toEqual(served);
});

test('Every route is in it, and every reference leads somewhere', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document
  const document = createOpenApi() as any;
  for (const { method, path, operation } of table)
    expect(document.paths[path][method.toLowerCase()].operationId).toBe(operation);
  for (const [, pointer = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g))
    expect(
      pointer.split('/').reduce((value, key) => value?.[key], document),
      pointer,
    ).toBeDefined();
});

test('A client that a foreign generator makes of it is of sound types, posts, reads, and follows a room', async () => {
  const { id: room } = rig.chat.addRoom('Lounge', ['alice@contoso.lab']);
  const document = join(folder, 'openapi.json');
  await writeFile(document, (await rig.ask('/v1/openapi.json')).text);
  const generator = join(root, 'services/persistent-chat/node_modules/.bin/openapi-ts');
  const plugins = ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'];
  await done(generator, ['-i', document, '-o', join(folder, 'client'), '--no-log-file', '-p', ...plugins]);
  await cp(join(import.meta.dirname, 'client-program.txt'), join(folder, 'program.ts'));
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(strict));
  await done(join(root, 'node_modules/.bin/tsc'), ['-p', folder]);
  await build({
    entryPoints: [join(folder, 'program.ts')],
    outfile: join(folder, 'program.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
  });

  const printed = await done(
    process.execPath,
    [join(folder, 'program.mjs'), rig.url, await rig.token('alice'), room],
    {
      NODE_EXTRA_CA_CERTS: rig.caPath,
    },
  );
  expect(JSON.parse(printed)).toMatchObject({
    posted: { room, seq: 1, by: 'alice@contoso.lab', body: 'from a generated client' },
    read: ['from a generated client'],
    followed: ['joined', 'post'],
    refused: { status: 404, code: 'not-found' },
  });
}, 180_000);

const strict = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable'],
    module: 'esnext',
    moduleResolution: 'bundler',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  },
  include: ['program.ts'],
};
