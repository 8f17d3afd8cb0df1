import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Rates, SteadyLoad } from '../clients/steady-load.ts';
import { startSteadyLoad } from '../clients/steady-load.ts';
import type { Way } from '../clients/way.ts';
import { fetchCredentials, home } from './home.ts';
import { imageValues, type Role } from './images.ts';
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
  /** Seconds of a registration. */
  expires?: number;
}

/** A load, and the changes that are made while it runs. */
export interface Load extends SteadyLoad {
  /**
   * Counts afresh, makes the change, lets the load run on until everybody has service again, and judges: any failure that a
   * person would have seen fails the row. What `change` resolves with is what was measured.
   */
  during(step: string, change: () => Promise<string>, limits?: Limits): Promise<Row>;
}

export interface Limits {
  /** Milliseconds that one client may be without service. */
  longest?: number;
  /** A process that dies between delivering and answering has its request passed on again: the other choice is to lose it. */
  mayDouble?: boolean;
  /** The service itself is taken away: requests fail, but nothing may be lost, and everybody is served again. */
  mayFail?: boolean;
  /** Instead of the load's own. */
  rates?: Partial<Rates>;
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
  /** As many pods of each role as values-kind.yaml says, all ready. */
  restore(): Promise<void>;
  /** Pod → how many groups of users it serves. */
  owners(pool: string): Promise<Map<string, number>>;
  /** To each of these numbers of pods in turn, from whatever there is, under load. */
  walk(role: Role, counts: readonly number[], note: (row: Row) => void): Promise<void>;
}

/** Of values-kind.yaml. */
const REPLICAS: Record<Role, number> = { cms: 2, director: 2, edge: 2, frontend: 3, 'persistent-chat': 2 };

/** Over UDP nobody is told that the pod at the other end of a node port is another one. */
const CONNECTED = [WAYS.edge, WAYS.inside, WAYS.tcp];
const RATES: Rates = { signIns: 1, messages: 10, presence: 1 };
/** Milliseconds that a load runs on after a change was done. */
const SOAK_MS = 5000;
const RECOVERY_MS = 60_000;

export async function openLab(): Promise<Lab> {
  await fetchCredentials();
  const kube = createKube();
  const { tag, origin } = await installedImages();
  const lab: Lab = {
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
    async restore() {
      for (const [role, count] of Object.entries(REPLICAS)) await kube.scale(role as Role, count);
      for (const [role, count] of Object.entries(REPLICAS)) await kube.settled(role, count);
    },
    async owners(pool) {
      const { groups } = JSON.parse(await lab.cli('get', 'pool', pool, '-o', 'json')) as {
        groups: { owner: string }[];
      };
      return new Map(
        [...Map.groupBy(groups, ({ owner }) => owner)].map(([pod, owned]) => [pod, owned.length]),
      );
    },
    async walk(role, [first = 1, ...counts], note) {
      await lab.restore();
      const reach = async (count: number): Promise<string> => {
        await kube.scale(role, count);
        return `${count} ready after ${((await kube.settled(role, count)) / 1000).toFixed(1)} s`;
      };
      let before = REPLICAS[role];
      await lab.underLoad({}, async (load) => {
        for (const count of [first, ...counts]) {
          note(await load.during(`${before} → ${count}`, () => reach(count)));
          before = count;
        }
      });
      await lab.restore();
    },
    upgrade: ({ tag: other = tag, ...options } = {}) => helmUpgrade(imageValues(origin, other), options),
  };
  return lab;
}

async function startLoad({
  ways = CONNECTED,
  users = 40,
  rates = {},
  expires = 600,
}: LoadOptions): Promise<Load> {
  const wanted = { ...RATES, ...rates };
  const names = await publishUsers('load', users);
  const load = await startSteadyLoad({ ways, users: names, password: passwordOf, rates: wanted, expires });
  async function during(
    step: string,
    change: () => Promise<string>,
    { longest, mayFail = false, mayDouble = false, rates: other }: Limits = {},
  ): Promise<Row> {
    load.restart();
    load.setRates({ ...wanted, ...other });
    const measured = await change().catch((error: Error) => error);
    await wait(SOAK_MS);
    for (const until = Date.now() + RECOVERY_MS; load.down > 0 && Date.now() < until; ) await wait(100);
    const served = load.down === 0;
    const report = await load.quiet();
    const text = measured instanceof Error ? measured.message : measured;
    const doubled = report.messages.duplicatedByServer.length;
    const judged = mayDouble
      ? { ...report, messages: { ...report.messages, duplicatedByServer: [] } }
      : report;
    const note = doubled > 0 ? `; ${doubled} messages arrived twice` : '';
    const row = rowOf(step, `${text}${note}`, judged, longest);
    const kept = mayFail && row.lost === 0 && served;
    return { ...row, ok: (row.ok || kept) && !(measured instanceof Error) };
  }
  return Object.assign(load, { during });
}
