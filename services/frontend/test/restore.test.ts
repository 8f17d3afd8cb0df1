import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SipRequest } from '@linchpin/sip';
import { LAB_DOMAIN } from '@linchpin/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';
import type { Phone } from './phone.ts';

let frontEnd: FrontEnd;
beforeAll(async () => {
  frontEnd = await startFrontEnd({ users: ['alice', 'bob'], postgres: true });
});
afterAll(() => frontEnd?.close());

const alice = `sip:alice@${LAB_DOMAIN}`;

async function told(watcher: Phone): Promise<SipRequest> {
  const notify = await watcher.next('NOTIFY');
  watcher.answer(notify, 200);
  return notify;
}

async function gauge(name: string): Promise<number> {
  const text = await frontEnd.started.host.metrics.getSingleMetricAsString(name);
  return Number(/ (\d+)$/m.exec(text)?.[1]);
}

async function loseStore(): Promise<void> {
  const { lab } = frontEnd;
  await lab.stopNats();
  await rm(join(lab.dir, 'nats'), { recursive: true });
  await lab.startNats();
}

test('who is signed in and who watches whom outlives the store', async () => {
  const [desk, watcher] = [await frontEnd.phone('alice'), await frontEnd.phone('bob')];
  await desk.register();
  await watcher.ask('SUBSCRIBE', alice, {
    headers: [
      ['Event', 'presence'],
      ['Contact', `<${watcher.contact}>`],
      ['Expires', '600'],
    ],
  });
  const before = await told(watcher);
  await expect.poll(() => gauge('linchpin_backup_lag_changes'), { timeout: 20_000 }).toBe(0);
  await frontEnd.restart('ready', loseStore);
  await expect.poll(() => gauge('linchpin_frontend_users'), { timeout: 20_000 }).toBe(1);
  const sent = watcher.ask('MESSAGE', alice, { body: 'still there?' });
  desk.answer(await desk.next('MESSAGE'), 200);
  expect((await sent).status).toBe(200);
  await desk.register({ expires: 0 });
  const after = await told(watcher);
  expect(Buffer.from(after.body).toString()).toContain('<basic>closed</basic>');
  expect([after.callId, after.from.tag]).toEqual([before.callId, before.from.tag]);
  expect(after.cseq.seq).toBeGreaterThan(before.cseq.seq);
}, 60_000);
