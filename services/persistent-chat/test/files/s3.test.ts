import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createS3Storage } from '../../src/files/s3.ts';
import type { FileStorage } from '../../src/files/storage.ts';
import { ACCESS_KEY, type S3Server, SECRET_KEY, signatureOf, startS3 } from './s3-server.ts';

let folder: string;
let server: S3Server;
let storage: FileStorage;
const bytes = Buffer.from('0123456789'.repeat(100_000));
const sha256 = createHash('sha256').update(bytes).digest('hex');

const storageAt = (endpoint: string, answerMs?: number) =>
  createS3Storage(
    {
      endpoint,
      bucket: 'chat-files',
      prefix: 'pool-a/',
      region: 'eu-central-1',
      credentialsFile: join(folder, 'credentials'),
    },
    answerMs,
  );

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linchpin-s3-'));
  await writeFile(join(folder, 'credentials'), `${ACCESS_KEY}:${SECRET_KEY}\n`);
  await writeFile(join(folder, 'file'), bytes);
  server = await startS3('chat-files');
  storage = storageAt(server.url);
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function all(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test('The judge of signatures judges as AWS does, by the example of its documentation', () => {
  const signed = ['host', 'range', 'x-amz-content-sha256', 'x-amz-date'];
  const headers = {
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date': '20130524T000000Z',
  };
  const context = { signed, scope: '20130524/us-east-1/s3/aws4_request', time: '20130524T000000Z' };
  const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  expect(signatureOf({ method: 'GET', path: '/test.txt', headers }, context, secret)).toBe(
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  );
});

test('A file is stored, read whole and in parts, and removed', async () => {
  await storage.put(sha256, join(folder, 'file'), bytes.length);
  expect([...server.objects.keys()]).toEqual([`/chat-files/pool-a/${sha256}`]);
  expect((await all(await storage.read(sha256))).equals(bytes)).toBe(true);
  expect(String(await all(await storage.read(sha256, { first: 8, last: 12 })))).toBe('89012');
  await storage.remove(sha256);
  await storage.remove(sha256);
  expect(server.objects.size).toBe(0);
  expect(server.refused).toEqual([]);
});

test('A file that is not what its hash says is not stored', async () => {
  await writeFile(join(folder, 'file'), 'something else');
  await expect(storage.put(sha256, join(folder, 'file'), 14)).rejects.toMatchObject({ why: 'away' });
  expect(server.objects.size).toBe(0);
});

test('Wrong credentials, and none, are the fault of the store', async () => {
  for (const text of [`${ACCESS_KEY}:another`, '']) {
    await writeFile(join(folder, 'credentials'), text);
    await expect(storage.read(sha256)).rejects.toMatchObject({ name: 'StorageFailure', why: 'away' });
  }
});

test('A bucket that is full is told from one that is away', async () => {
  server.fail(507, 'XMinioStorageFull');
  await expect(storage.put(sha256, join(folder, 'file'), bytes.length)).rejects.toMatchObject({
    why: 'full',
  });
  server.fail(503, 'SlowDown');
  await expect(storage.put(sha256, join(folder, 'file'), bytes.length)).rejects.toMatchObject({
    why: 'away',
  });
  await server.stop();
  await expect(storage.read(sha256)).rejects.toMatchObject({ why: 'away' });
});

test('Nobody waits for long for a bucket that does not answer when a file is removed', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  await expect(storageAt(`http://127.0.0.1:${port}`, 50).remove(sha256)).rejects.toMatchObject({
    why: 'away',
  });
  silent.closeAllConnections();
  await new Promise((resolve) => silent.close(resolve));
});
