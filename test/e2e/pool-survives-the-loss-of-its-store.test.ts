// NATS loses everything it kept: the Front Ends that run fill it from memory, those that start from PostgreSQL.
import { afterAll, beforeAll, it } from 'vitest';
import { type SteadyLoad, startSteadyLoad } from '../clients/steady-load.ts';
import { expectNobodyNoticed, expectStateKept } from '../pool/books.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { expectSoon, wait } from '../pool/wait.ts';

let pool: PoolLab;
let load: SteadyLoad;

beforeAll(async () => {
  pool = await startPool({ frontends: 2, users: 30, postgres: true });
  await pool.view.ownedBy(['frontend-0', 'frontend-1']);
  const { edge, tls, tcp, udp } = pool.ways;
  load = await startSteadyLoad({
    ways: [edge, tls, tcp, udp],
    users: pool.users,
    password: pool.password,
    rates: { signIns: 1, messages: 20, presence: 3 },
  });
});

afterAll(async () => {
  await load?.stop();
  await pool?.close();
});

it('while the Front Ends run', async () => {
  await wait(1000);
  load.restart();
  const begun = performance.now();
  await pool.loseStore();
  await pool.newStore();
  console.log(`the store was away for ${Math.round(performance.now() - begun)} ms`);
  console.log(`owned again after ${Math.round(await pool.view.ownedBy(['frontend-0', 'frontend-1']))} ms`);
  await wait(2000);
  const report = await load.quiet();
  expectNobodyNoticed('the store was lost', report, pool);
  expectStateKept(report);
});

it('while no Front End runs', async () => {
  const before = pool.pods('frontend');
  // Not as members announce it, which may be from before the last change.
  await expectSoon(
    () => Promise.all(before.map((pod) => pod.metric('linchpin_backup_lag_changes'))),
    (lags) => lags.every((lag) => lag === 0),
    10_000,
  );
  load.restart();
  await Promise.all(before.map((pod) => pool.kill9(pod)));
  await pool.loseStore();
  await pool.newStore();
  await Promise.all(before.map((pod) => pool.again(pod)));
  await pool.view.ownedBy(['frontend-0', 'frontend-1']);
  await expectSoon(
    () => load.clients.filter(({ signedIn }) => !signedIn).map(({ user }) => user),
    (out) => out.length === 0,
    20_000,
  );
  await load.quiet();
  expectStateKept(load.report());
  // People who were away for longer than they wait saw it; now everything goes on where it was.
  load.restart();
  load.setRates({ messages: 20, presence: 5 });
  await wait(4000);
  const report = await load.quiet();
  expectNobodyNoticed('restored from PostgreSQL', report, pool);
  expectStateKept(report);
});
