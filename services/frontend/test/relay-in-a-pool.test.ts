import { SipResponse } from '@linchpin/sip';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Phone } from './phone.ts';
import { type Pool, startPool } from './pool.ts';

const [A, B, C] = ['frontend-0', 'frontend-1', 'frontend-2'] as const;
const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'];

let pool: Pool;
beforeEach(async () => {
  const users = Object.fromEntries([...names, 'ivan', 'judy'].map((name) => [name, '']));
  pool = await startPool({ pods: [A, B, C], users, real: true });
});
afterEach(() => pool?.close());

async function tell(from: Phone, to: Phone): Promise<number> {
  const text = crypto.randomUUID();
  const asked = from.ask('MESSAGE', to.aor, { body: text });
  const isAnswered = asked.then(() => undefined);
  const got = await Promise.race([to.next('MESSAGE').catch(() => undefined), isAnswered]);
  if (got) to.answer(got, 200);
  return (await asked).status;
}

test('people reach each other wherever they are served, also after a pod has gone', async () => {
  const phones = await Promise.all(
    names.map((name, n) => pool.phone(name, [A, B][n % 2] as string, { transport: n % 3 ? 'tcp' : 'udp' })),
  );
  for (const phone of phones) expect((await phone.register()).status).toBe(200);
  expect(await pool.requests(C, 'REGISTER')).toBeGreaterThan(0);
  const round = async () => {
    const outcomes: number[] = [];
    for (const [n, phone] of phones.entries())
      outcomes.push(await tell(phone, phones[(n + 1) % phones.length] as Phone));
    return outcomes;
  };
  expect(await round()).toEqual(names.map(() => 200));
  await pool.lose(C);
  // What its users are asked meanwhile waits for who takes them.
  expect(await round()).toEqual(names.map(() => 200));
}, 30_000);

// What stands before the pods may have forgotten which of them a phone talks to.
test('an answer over UDP counts whichever pod it comes to', async () => {
  const phones = await Promise.all(names.map((name) => pool.phone(name, A, { transport: 'udp' })));
  for (const phone of phones) expect((await phone.register()).status).toBe(200);
  const sender = await pool.phone('ivan', B, { transport: 'tcp' });
  const elsewhere = await pool.phone('judy', B, { transport: 'udp' });
  const outcomes: number[] = [];
  for (const phone of phones) {
    const asked = sender.ask('MESSAGE', phone.aor, { body: 'hello' });
    elsewhere.send(SipResponse.to(await phone.next('MESSAGE'), 200));
    outcomes.push((await asked).status);
  }
  expect(outcomes).toEqual(names.map(() => 200));
}, 30_000);
