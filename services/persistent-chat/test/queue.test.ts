// Pods that start together make the queue together.
import { CHAT_EVENTS_STREAM } from '@linchpin/proto/chat-events';
import { createLab, type Lab } from '@linchpin/testkit';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureQueue } from '../src/queue.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await createLab();
});
afterAll(() => lab.close());

test('pods that make the queue at the same time all have it', async () => {
  const pods = await Promise.all(
    Array.from({ length: 4 }, async () => (await lab.natsLink('persistent-chat')).connection()),
  );
  const managers = await Promise.all(pods.map((pod) => jetstreamManager(pod, { checkAPI: false })));
  const admin = await jetstreamManager(await (await lab.natsLink('admin')).connection());
  const limits = { replicas: 1, maxBytes: 1_000_000 };
  for (let round = 0; round < 300; round++) {
    await Promise.all(managers.map((manager) => ensureQueue(manager, limits)));
    expect((await admin.streams.info(CHAT_EVENTS_STREAM)).config.max_bytes).toBe(limits.maxBytes);
    await admin.streams.delete(CHAT_EVENTS_STREAM);
  }
});
