// kill -9 of one Front End of three: its users are served by the others within ten seconds, and presence goes on in the same dialogs.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SteadyLoad, startSteadyLoad } from '../clients/steady-load.ts';
import { expectNobodyNoticed, expectStateKept } from '../pool/books.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { groupOfUser } from '../pool/pool-view.ts';
import { wait } from '../pool/wait.ts';

let pool: PoolLab;
let load: SteadyLoad;
let victim: Pod;

const names = (): string[] => pool.pods('frontend').map(({ name }) => name);

beforeAll(async () => {
  pool = await startPool({ frontends: 3, users: 60 });
  await pool.view.ownedBy(names());
  const { edge, tls, tcp } = pool.ways;
  load = await startSteadyLoad({
    ways: [edge, tls, tcp],
    users: pool.users,
    password: pool.password,
    rates: { signIns: 1, messages: 30, presence: 5 },
  });
  victim = pool.pods('frontend')[1] as Pod;
});

afterAll(async () => {
  await load?.stop();
  await pool?.close();
});

it('loses nothing and fails nobody', async () => {
  await wait(2000);
  load.restart();
  const owners = await pool.view.owners();
  const orphans = pool.users.filter((user) => owners.get(groupOfUser(user))?.pod === victim.name);
  expect(orphans.length).toBeGreaterThan(0);
  await pool.kill9(victim);
  const took = await pool.view.ownedBy(names());
  console.log(`${orphans.length} users of ${victim.name} have another owner after ${Math.round(took)} ms`);
  expect(took).toBeLessThan(10_000);
  await wait(5000);
  const report = await load.quiet();
  expectNobodyNoticed('a Front End was killed', report, pool, 1);
  expectStateKept(report);
  expect(report.outages.longest?.milliseconds ?? 0).toBeLessThan(10_000);
  expect(load.down).toBe(0);
});

it('takes it up again when it comes back under its name', async () => {
  load.restart();
  load.setRates({ messages: 30, presence: 5 });
  await pool.again(victim);
  console.log(`back and an owner after ${Math.round(await pool.view.ownedBy(names()))} ms`);
  const shares = (await pool.view.members()).filter(({ role }) => role === 'frontend');
  expect(shares.find(({ pod }) => pod === victim.name)?.groups?.owned.length).toBeGreaterThan(0);
  await wait(1000);
  const report = await load.quiet();
  expectNobodyNoticed('it came back', report, pool);
  expectStateKept(report);
});
