// Directors and Edges are added, drained and killed while remote users work.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SteadyLoad, startSteadyLoad } from '../clients/steady-load.ts';
import { expectNobodyNoticed, expectStateKept } from '../pool/books.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { wait } from '../pool/wait.ts';

let pool: PoolLab;
let load: SteadyLoad;

beforeAll(async () => {
  pool = await startPool({ frontends: 1, directors: 1, edges: 1, users: 30, drainSeconds: 10 });
  await pool.view.ownedBy(['frontend-0']);
  load = await startSteadyLoad({
    ways: [pool.ways.edge],
    users: pool.users,
    password: pool.password,
    rates: { signIns: 2, messages: 20, presence: 2 },
  });
});

afterAll(async () => {
  await load?.stop();
  await pool?.close();
});

const first = (role: 'director' | 'edge'): Pod => pool.pods(role)[0] as Pod;

async function during(what: string, change: () => Promise<unknown>): Promise<void> {
  load.restart();
  load.setRates({ signIns: 2, messages: 20, presence: 2 });
  await change();
  await wait(2500);
  const report = await load.quiet();
  expectNobodyNoticed(what, report, pool);
  expectStateKept(report);
}

it('one more of each takes its share', async () => {
  await during('a Director and an Edge were added', async () => {
    await pool.add('director');
    await pool.add('edge');
  });
  const [, added] = pool.pods('edge') as [Pod, Pod];
  await expect
    .poll(() => added.metric('linchpin_edge_flows_current'), { timeout: 10_000 })
    .toBeGreaterThan(0);
});

it('a Director that is drained fails nothing', () =>
  during('a Director was drained', () => pool.drain(first('director'))));

it('an Edge that is drained fails nothing', () =>
  during('an Edge was drained', () => pool.drain(first('edge'))));

it('a Director that is killed fails nothing', async () => {
  await pool.add('director');
  await during('a Director was killed', () => pool.kill9(first('director')));
});

it('the users of an Edge that is killed come back by another', async () => {
  await pool.add('edge');
  await during('an Edge was killed', () => pool.kill9(first('edge')));
});
