// From the queue into the chains: in order, once, whatever is away and whoever else does it.
import { chatEventSubject } from '@linchpin/proto/chat-events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { link, NO_HASH } from '../../src/compliance/chain.ts';
import { verifyAll } from '../../src/compliance/verify.ts';
import { type ComplianceRig, createComplianceRig, newScope, type Pod, post, posts, until } from './rig.ts';

let rig: ComplianceRig;
beforeAll(async () => {
  rig = await createComplianceRig();
});
afterAll(() => rig.close());
beforeEach(() => rig.reset());

const numbers = async (scope: string): Promise<number[]> =>
  (await rig.sql('SELECT seq FROM events WHERE scope = $1 ORDER BY seq', [scope])).map(({ seq }) =>
    Number(seq),
  );
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

async function findings(pod: Pod): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { finding } of verifyAll(pod.database)) if (finding) found.push(finding);
  return found;
}

describe('the intake', () => {
  test('chains events, keeps what they say, and takes them from the queue only then', async () => {
    const scope = newScope();
    const created = {
      ...post(scope, 1),
      kind: 'room-created',
      name: 'Sales',
      change: { b: 1, a: [] },
    } as never;
    await rig.publish(scope, created, post(scope, 2, { by: 'bob@contoso.lab' }));
    const pod = await rig.pod();
    await rig.stored(2);
    const rows = await rig.sql('SELECT * FROM events ORDER BY seq');
    expect(rows.map(({ kind, by }) => [kind, by])).toEqual([
      ['room-created', 'alice@contoso.lab'],
      ['post', 'bob@contoso.lab'],
    ]);
    expect(JSON.parse(rows[0].event)).toEqual(created);
    const first = link(NO_HASH, rows[0].event);
    expect([rows[0].hash, rows[1].hash]).toEqual([first, link(first, rows[1].event)]);
    expect(await rig.sql('SELECT name, seq, hash FROM chains')).toEqual([
      { name: 'Sales', seq: '2', hash: rows[1].hash },
    ]);
    await until(async () => (await rig.queued()) === 0);
    await until(() => pod.compliance.healthy());
    expect(pod.health.state).toBe('ready');
  });

  test('brings what comes too early and twice into order, and stores each once', async () => {
    const scope = newScope();
    const pod = await rig.pod();
    await rig.publish(scope, ...posts(scope, 7, 9));
    await rig.publish(scope, ...posts(scope, 4, 5));
    await until(async () => (await pod.counted('early')) === 5);
    await rig.publish(scope, ...posts(scope, 1, 3));
    await rig.stored(5);
    await rig.publish(scope, ...posts(scope, 2, 7));
    await rig.stored(9);
    await rig.publish(scope, post(scope, 10), post(scope, 10), post(scope, 1));
    await rig.stored(10);
    await until(async () => (await rig.queued()) === 0);
    expect(await numbers(scope)).toEqual(upTo(10));
    expect(await rig.sql('SELECT * FROM early_events')).toEqual([]);
    expect([await pod.counted('double'), await pod.counted('conflict')]).toEqual([6, 0]);
    expect(await findings(pod)).toEqual([]);
  });

  test('does not change what is there when another event comes under its number, and raises an alarm', async () => {
    const scope = newScope();
    const pod = await rig.pod();
    await rig.publish(scope, ...posts(scope, 1, 2), post(scope, 4));
    await rig.stored(2);
    await rig.publish(scope, post(scope, 2, { body: 'never said' }), post(scope, 4, { body: 'nor this' }));
    await until(async () => (await pod.counted('conflict')) === 2);
    expect((await rig.sql('SELECT event FROM events WHERE seq = 2'))[0].event).toContain('message 2');
    const kept = await rig.sql('SELECT payload FROM refused ORDER BY id');
    expect(kept.map(({ payload }) => payload.toString())).toEqual([
      expect.stringContaining('never said'),
      expect.stringContaining('nor this'),
    ]);
    expect(rig.log()).toContain('something else under this number');
    await rig.publish(scope, post(scope, 3));
    await rig.stored(4);
    expect((await rig.sql('SELECT event FROM events WHERE seq = 4'))[0].event).toContain('message 4');
    expect(await findings(pod)).toEqual([]);
  });

  test('puts aside what is no event, and goes on', async () => {
    const [scope, other] = [newScope(), newScope()];
    const pod = await rig.pod();
    const subject = chatEventSubject(scope);
    const wrong = [
      'nonsense',
      '{}',
      '[1]',
      JSON.stringify([post(other, 1)]),
      JSON.stringify([post(scope, 0)]),
      JSON.stringify([post(scope, 1, { at: 'yesterday' })]),
      JSON.stringify([post(scope, 1, { by: 7 })]),
    ];
    for (const text of wrong) await rig.publishBytes(subject, Buffer.from(text));
    await rig.publishBytes(subject, Buffer.from([0xff, 0xfe, 0x00]));
    await rig.publishBytes('persistent-chat.events.not-an-id', Buffer.from('[{}]'));
    await rig.publish(scope, post(scope, 1));
    await rig.stored(1);
    await until(async () => (await pod.counted('refused')) === wrong.length + 2);
    await until(async () => (await rig.queued()) === 0);
    expect(await rig.sql('SELECT count(*)::int FROM refused')).toEqual([{ count: wrong.length + 2 }]);
    expect((await pod.compliance.status()).refusedMessages).toBe(wrong.length + 2);
  });

  test('keeps what people wrote, whatever is in it', async () => {
    const scope = newScope();
    const pod = await rig.pod();
    const nasty = "a\0b\ud800c\u202e\ufffe\u{1f600}'; DROP TABLE events; --";
    const long = 'x'.repeat(5000);
    await rig.publish(scope, post(scope, 1, { body: nasty, by: nasty }), post(scope, 2, { by: long }));
    await rig.stored(2);
    const rows = await rig.sql('SELECT event FROM events ORDER BY seq');
    expect(rows.map(({ event }) => JSON.parse(event).by)).toEqual([nasty, long]);
    expect(await findings(pod)).toEqual([]);
  });

  test('stores the rest of a batch when the store refuses one message of it', async () => {
    const [scope, refused] = [newScope(), newScope()];
    const pod = await rig.pod({ idle: true });
    await rig.sql("ALTER TABLE events ADD CHECK (event NOT LIKE '%unbearable%')");
    for (let seq = 1; seq <= 20; seq++) await rig.publish(scope, post(scope, seq));
    await rig.publish(refused, post(refused, 1, { body: 'unbearable' }));
    for (let seq = 21; seq <= 40; seq++) await rig.publish(scope, post(scope, seq));
    pod.compliance.start();
    await rig.stored(40);
    await until(async () => (await rig.queued()) === 0);
    expect(await numbers(scope)).toEqual(upTo(40));
    const [{ payload, why }] = await rig.sql('SELECT payload, why FROM refused');
    expect(payload.toString()).toContain('unbearable');
    expect(why).toContain('check constraint');
  });

  test('works with two pods on the same rooms: every event once and every chain whole', async () => {
    const scopes = Array.from({ length: 5 }, newScope);
    const pods = await Promise.all([rig.pod(), rig.pod()]);
    const sent: Promise<void>[] = [];
    for (let first = 1; first <= 200; first += 4)
      for (const scope of scopes) sent.push(rig.publish(scope, ...posts(scope, first, first + 3)));
    await Promise.all(sent);
    await rig.stored(1000);
    await until(async () => (await rig.queued()) === 0);
    for (const scope of scopes) expect(await numbers(scope)).toEqual(upTo(200));
    expect(await rig.sql('SELECT * FROM early_events')).toEqual([]);
    expect(await findings(pods[0])).toEqual([]);
    const shares = await Promise.all(pods.map((pod) => pod.counted('stored')));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(1000);
  });

  test('loses and doubles nothing when the database goes in the midst of it and comes back', async () => {
    const scopes = [newScope(), newScope()];
    const pods = await Promise.all([rig.pod(), rig.pod()]);
    let stopped: Promise<void> | undefined;
    for (let seq = 1; seq <= 300; seq++) {
      for (const scope of scopes) await rig.publish(scope, post(scope, seq));
      if (seq === 100) stopped = rig.lab.postgres.stop();
    }
    await stopped;
    await until(() => pods.every(({ database }) => !database.available));
    expect(pods.map(({ compliance }) => compliance.healthy())).toEqual([false, false]);
    expect(pods[0].health.state).toContain('degraded');
    expect(pods[0].health.ready).toBe(true);
    expect(await rig.queued()).toBeGreaterThan(0);
    expect((await pods[0].compliance.status()).storeAvailable).toBe(false);
    await expect(pods[0].compliance.isHeld(scopes[0] as string)).rejects.toMatchObject({
      code: 'unavailable',
    });
    await rig.lab.postgres.start();
    await rig.stored(600);
    await until(async () => (await rig.queued()) === 0);
    for (const scope of scopes) expect(await numbers(scope)).toEqual(upTo(300));
    expect(await findings(pods[0])).toEqual([]);
    await until(() => pods.every(({ compliance }) => compliance.healthy()));
  });

  test('goes on after NATS was away', async () => {
    const scope = newScope();
    const pod = await rig.pod();
    await rig.publish(scope, post(scope, 1));
    await rig.stored(1);
    await rig.lab.stopNats();
    await until(() => !pod.compliance.healthy());
    await rig.lab.startNats();
    await rig.connected();
    await rig.publish(scope, post(scope, 2));
    await rig.stored(2);
    await until(() => pod.compliance.healthy());
  });

  test('makes the queue anew when it was lost', async () => {
    const scope = newScope();
    const pod = await rig.pod();
    await rig.publish(scope, post(scope, 1));
    await rig.stored(1);
    await rig.loseQueue();
    await rig.publish(scope, post(scope, 2));
    await rig.stored(2);
    await until(() => pod.compliance.healthy());
  });

  test('is not healthy while it is further behind than allowed: a predecessor that does not come', async () => {
    const scope = newScope();
    const pod = await rig.pod({ maxLagSeconds: 1 });
    await rig.publish(scope, post(scope, 1));
    await rig.stored(1);
    await until(() => pod.compliance.healthy());
    await rig.publish(scope, post(scope, 3));
    await until(() => !pod.compliance.healthy());
    expect(pod.health.state).toContain('behind');
    await rig.publish(scope, post(scope, 2));
    await until(() => pod.compliance.healthy());
  });

  test('is not healthy while events are stored with their rooms only: the queue takes none', async () => {
    let waits = 0;
    const pod = await rig.pod({ unqueuedSeconds: async () => waits });
    await until(() => pod.compliance.healthy());
    waits = 61;
    await until(() => !pod.compliance.healthy());
    expect(pod.health.state).toContain('compliance is 61 s behind');
    expect((await pod.compliance.status()).lagSeconds).toBe(61);
    waits = 59;
    await until(() => pod.compliance.healthy());
  });

  test('takes no more from the queue than some megabytes at a time', async () => {
    const scope = newScope();
    const body = 'x'.repeat(900_000);
    for (let seq = 1; seq <= 50; seq++) await rig.publish(scope, post(scope, seq, { body }));
    const pod = await rig.pod({ idle: true });
    await rig.sql('ALTER TABLE chains RENAME TO elsewhere');
    pod.compliance.start();
    await until(() => rig.log().includes('events wait for the compliance store'));
    // Until it asks for no more: with one batch, and as much as it holds beside it.
    await until(async () => {
      const { taken, asking } = await rig.consumer();
      return taken > 40 || (taken > 10 && asking === 0);
    });
    expect((await rig.consumer()).taken * body.length).toBeLessThan(27 * 1024 * 1024);
    await rig.sql('ALTER TABLE elsewhere RENAME TO chains');
    await rig.stored(50);
    await until(async () => (await rig.queued()) === 0);
    expect(await numbers(scope)).toEqual(upTo(50));
  });

  test('hands back what a pod that ends has taken and not stored', async () => {
    const scope = newScope();
    const first = await rig.pod();
    await until(() => first.compliance.healthy());
    await rig.lab.postgres.stop();
    for (let seq = 1; seq <= 50; seq++) await rig.publish(scope, post(scope, seq));
    await until(() => rig.log().includes('events wait for the compliance store'));
    await first.stop();
    await rig.lab.postgres.start();
    await rig.pod();
    await rig.stored(50);
    expect(await numbers(scope)).toEqual(upTo(50));
  });
});
