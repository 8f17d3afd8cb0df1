// One Front End's clock is a minute ahead, another's a minute behind: users are served, and taken over, as if it were not so.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SteadyLoad, startSteadyLoad } from '../clients/steady-load.ts';
import { expectNobodyNoticed, expectStateKept } from '../pool/books.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';

/** Debian's libfaketime; the monotonic clock stays the kernel's, as on a machine whose date is wrong. */
const library = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));

const shifted = (by: string): Record<string, string> => ({
  LD_PRELOAD: library ?? '',
  FAKETIME: by,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
});

import { wait } from '../pool/wait.ts';

let pool: PoolLab;
let load: SteadyLoad;
const names = (): string[] => pool.pods('frontend').map(({ name }) => name);

beforeAll(async () => {
  pool = await startPool({ frontends: 1, users: 40 });
  await pool.add('frontend', shifted('+60s'));
  await pool.add('frontend', shifted('-60s'));
  await pool.view.ownedBy(names());
  const { edge, tls, tcp } = pool.ways;
  load = await startSteadyLoad({
    ways: [edge, tls, tcp],
    users: pool.users,
    password: pool.password,
    rates: { signIns: 1, messages: 20, presence: 3 },
  });
});

afterAll(async () => {
  await load?.stop();
  await pool?.close();
});

it('has clocks that differ by two minutes', async () => {
  expect(library).toBeDefined();
  const dates = await Promise.all(
    pool.pods('frontend').map(async ({ ports }) => {
      const { headers } = await fetch(`http://127.0.0.1:${ports.http}/healthz/live`);
      // Never -0, which is another number to who compares.
      return Math.round((Date.parse(headers.get('date') ?? '') - Date.now()) / 60_000) + 0;
    }),
  );
  expect(dates).toEqual([0, 1, -1]);
});

it('nobody is declared dead who is not', async () => {
  load.restart();
  const owners = JSON.stringify([...(await pool.view.owners())]);
  await wait(5000);
  expect(JSON.stringify([...(await pool.view.owners())])).toBe(owners);
  const report = await load.quiet();
  expectNobodyNoticed('clocks differ', report, pool);
  expectStateKept(report);
});

it('users are taken over by those whose clock is another', async () => {
  load.restart();
  load.setRates({ messages: 20, presence: 3 });
  const [right] = pool.pods('frontend') as [Pod];
  await pool.kill9(right);
  console.log(`taken over after ${Math.round(await pool.view.ownedBy(names()))} ms`);
  await wait(5000);
  const report = await load.quiet();
  expectNobodyNoticed('the one with the right clock was killed', report, pool, 1);
  expectStateKept(report);
});
