import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { expect, test, vi } from 'vitest';
import { linkTo, startNatsServer } from '../test/nats-server.ts';
import { watchBucket } from './bucket-watch.ts';

test('goes on when NATS has forgotten what it kept of the watch', async () => {
  const nats = await startNatsServer();
  const link = linkTo(nats);
  const connection = await link.connection();
  const bucket = await new Kvm(connection).create('watched');
  const seen: string[] = [];
  const quiet = () => {};
  const watch = watchBucket({
    bucket: 'watched',
    nats: link,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    checkMs: 100,
    onStart() {},
    onEntry: (entry) => void seen.push(entry.string()),
    onProgress() {},
  });
  await bucket.put('key', 'before');
  await vi.waitUntil(() => seen.includes('before'), { timeout: 15_000 });

  const manager = await jetstreamManager(connection);
  for await (const { name } of manager.consumers.list('KV_watched'))
    await manager.consumers.delete('KV_watched', name);
  await bucket.put('key', 'after');
  await vi.waitUntil(() => seen.includes('after'), { timeout: 15_000 });
  expect(seen).toEqual(['before', 'after']);

  watch.stop();
  await link.close();
  await nats.remove();
});
