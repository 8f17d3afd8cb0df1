// From one Front End to five and down to two while people work: nobody sees an error, nothing is lost.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SteadyLoad, startSteadyLoad } from '../clients/steady-load.ts';
import { expectNobodyNoticed, expectStateKept } from '../pool/books.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { wait } from '../pool/wait.ts';

const rates = { signIns: 1, messages: 20, presence: 2 };

let pool: PoolLab;
let load: SteadyLoad;

beforeAll(async () => {
  pool = await startPool({ frontends: 1, users: 40 });
  const { edge, tls, tcp } = pool.ways;
  load = await startSteadyLoad({
    ways: [edge, tls, tcp],
    users: pool.users,
    password: pool.password,
    rates,
  });
});

afterAll(async () => {
  await load?.stop();
  await pool?.close();
});

const names = (): string[] => pool.pods('frontend').map(({ name }) => name);

async function growTo(count: number): Promise<void> {
  while (pool.pods('frontend').length < count) await pool.add('frontend');
  const took = await pool.view.ownedBy(names());
  const shares = (await pool.view.members()).flatMap(({ groups }) => groups?.owned.length ?? []);
  console.log(
    `${count} Front Ends own everything ${Math.round(took)} ms after the last one was ready: ${shares}`,
  );
  expect(Math.max(...shares)).toBeLessThanOrEqual(Math.ceil(32 / count));
  await wait(1500);
}

it.each([3, 5])('grows to %i', async (count) => {
  load.setRates(rates);
  load.restart();
  await growTo(count);
  expectNobodyNoticed(`grown to ${count}`, await load.quiet(), pool);
});

it('shrinks to two', async () => {
  load.setRates(rates);
  load.restart();
  const leaving = pool.pods('frontend').slice(0, 3);
  const took = await Promise.all(leaving.map((pod) => pool.drain(pod)));
  console.log(`three Front Ends drained in ${took.map(Math.round)} ms`);
  expect(await Promise.all(leaving.map(async ({ exited }) => (await exited).code))).toEqual([0, 0, 0]);
  await pool.view.ownedBy(names());
  const report = await load.quiet();
  expectNobodyNoticed('shrunk to two', report, pool);
  expectStateKept(report);
});
