import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Rates, SteadyLoad } from '../clients/steady-load.ts';
import { startSteadyLoad } from '../clients/steady-load.ts';
import type { Way } from '../clients/way.ts';
import { fetchCredentials, home } from './home.ts';
import { imageValues } from './images.ts';
import { helmUpgrade, type InstallOptions, installedImages } from './install.ts';
import { createKube, type Kube } from './kube.ts';
import { root } from './machine.ts';
import { DOMAIN, PORTS, WAYS } from './ports.ts';
import { type Row, rowOf } from './scenario.ts';
import { passwordOf, publishUsers } from './users.ts';

export interface LoadOptions {
  ways?: readonly Way[];
  users?: number;
  rates?: Partial<Rates>;
}

/** A load, and the changes that are made while it runs. */
export interface Load extends SteadyLoad {
  /**
   * Counts afresh, makes the change, lets the load run on until everybody has service again, and judges: any failure that a
   * person would have seen fails the row. What `change` resolves with is what was measured.
   */
  during(
    step: string,
    change: () => Promise<string>,
    limits?: { longest?: number; soak?: number },
  ): Promise<Row>;
}

export interface Lab {
  readonly kube: Kube;
  readonly domain: string;
  readonly tag: string;
  readonly ways: typeof WAYS;
  /** The command line against this cluster's CMS; resolves with stdout. */
  cli(...args: string[]): Promise<string>;
  users(prefix: string, count: number): Promise<string[]>;
  /** Runs `work` with people signed in who write and change their presence, then signs them out. */
  underLoad(options: LoadOptions, work: (load: Load) => Promise<void>): Promise<void>;
  upgrade(options?: InstallOptions & { tag?: string }): Promise<string>;
}

const RATES: Rates = { signIns: 1, messages: 10, presence: 1 };
/** Milliseconds that a load runs on after a change was done. */
const SOAK_MS = 5000;
const RECOVERY_MS = 60_000;

export async function openLab(): Promise<Lab> {
  await fetchCredentials();
  const kube = createKube();
  const { tag, origin } = await installedImages();
  return {
    kube,
    tag,
    domain: DOMAIN,
    ways: WAYS,
    users: publishUsers,
    async cli(...args) {
      const env = { ...process.env, LINCHPIN_CMS: `127.0.0.1:${PORTS.cms}` };
      const options = { env, maxBuffer: 2 ** 24 };
      return (await promisify(execFile)(join(root, 'linchpin'), [...args, '--home', home], options)).stdout;
    },
    underLoad: async (options, work) => {
      const load = await startLoad(options);
      try {
        await work(load);
      } finally {
        await load.stop();
      }
    },
    upgrade: ({ tag: other = tag, ...options } = {}) => helmUpgrade(imageValues(origin, other), options),
  };
}

async function startLoad({ ways = Object.values(WAYS), users = 40, rates = {} }: LoadOptions): Promise<Load> {
  const wanted = { ...RATES, ...rates };
  const names = await publishUsers('load', users);
  const load = await startSteadyLoad({ ways, users: names, password: passwordOf, rates: wanted });
  async function during(
    step: string,
    change: () => Promise<string>,
    { longest, soak = SOAK_MS }: { longest?: number; soak?: number } = {},
  ): Promise<Row> {
    load.restart();
    load.setRates(wanted);
    const measured = await change().catch((error: Error) => error);
    await wait(soak);
    for (const until = Date.now() + RECOVERY_MS; load.down > 0 && Date.now() < until; ) await wait(100);
    const report = await load.quiet();
    const text = measured instanceof Error ? measured.message : measured;
    const row = rowOf(step, text, report, longest);
    return { ...row, ok: row.ok && !(measured instanceof Error) };
  }
  return Object.assign(load, { during });
}
