// SIGTERM to one Front End of two while people work: groups and connections move, nothing fails, and it ends by itself.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SteadyLoad, startSteadyLoad } from '../clients/steady-load.ts';
import { expectNobodyNoticed, expectStateKept } from '../pool/books.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { wait } from '../pool/wait.ts';

let pool: PoolLab;
let load: SteadyLoad;

beforeAll(async () => {
  pool = await startPool({ frontends: 2, users: 60, drainSeconds: 20 });
  await pool.view.ownedBy(['frontend-0', 'frontend-1']);
  const { edge, tls, tcp, udp } = pool.ways;
  load = await startSteadyLoad({
    ways: [edge, tls, tcp, udp],
    users: pool.users,
    password: pool.password,
    rates: { signIns: 2, messages: 40, presence: 4 },
  });
});

afterAll(async () => {
  await load?.stop();
  await pool?.close();
});

it('fails nothing and ends by itself', async () => {
  const [leaving] = pool.pods('frontend') as [Pod, Pod];
  await wait(1000);
  load.restart();
  const took = await pool.drain(leaving);
  console.log(`drained in ${Math.round(took)} ms`);
  expect((await leaving.exited).code).toBe(0);
  expect(took).toBeLessThan(22_000);
  await pool.view.ownedBy(['frontend-1']);
  await wait(2000);
  const report = await load.quiet();
  expectNobodyNoticed('a Front End was drained', report, pool);
  expectStateKept(report);
});
