// The same load on more Front Ends: what a message costs them together.
import { createUserAgent, type UserAgent, type Via } from '../peers/ua.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { wait } from '../pool/wait.ts';
import { cpuSeconds } from './cpu.ts';
import type { Row } from './row.ts';

const SIZES = [1, 2, 3, 5] as const;
const USERS = 40;
const PER_SECOND = 800;
const SECONDS = 8;
/** For each Front End: code that has run a few times only costs several times as much. */
const WARM_UP_SECONDS = 4;

/** `inside`: each client's connection ends on some Front End. `outside`: at an Edge, and a Director brings requests to the owner. */
type Side = 'inside' | 'outside';

const cpuOf = (pods: readonly Pod[]): number => pods.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);

/** Messages between any two users at a steady rate; resolves with how many were answered 200. */
async function talk(agents: readonly UserAgent[], seconds: number): Promise<number> {
  const pending: Promise<boolean>[] = [];
  const begun = performance.now();
  for (let sent = 0; sent < PER_SECOND * seconds; ) {
    const due = Math.min(PER_SECOND * seconds, ((performance.now() - begun) / 1000) * PER_SECOND);
    for (; sent < due; sent++) {
      const from = agents[sent % agents.length] as UserAgent;
      const to = agents[(sent * 7 + 3) % agents.length] as UserAgent;
      pending.push(
        from.message(to.user, `${sent}`).then(
          ({ status }) => status === 200,
          () => false,
        ),
      );
    }
    await wait(1);
  }
  return (await Promise.all(pending)).filter(Boolean).length;
}

function viaOf(pool: PoolLab, side: Side, index: number): Via {
  const { port, caFile = '' } = pool.ways.edge;
  if (side === 'outside') return { tls: port, caFile };
  const pods = pool.pods('frontend');
  return { tcp: (pods[index % pods.length] as Pod).ports.listeners['sip-tcp'] ?? 0 };
}

async function signIn(pool: PoolLab, side: Side): Promise<UserAgent[]> {
  const agents: UserAgent[] = [];
  for (const [index, user] of pool.users.entries()) {
    const agent = await createUserAgent(user, pool.password(user), viaOf(pool, side, index));
    await agent.register();
    agents.push(agent);
  }
  return agents;
}

interface Cost {
  micros: number;
  failed: number;
  idle: number;
}

/** Microseconds of all Front Ends together for each message, and what they take of one processor when nobody talks. */
async function costOf(pool: PoolLab, side: Side): Promise<Cost> {
  const pods = pool.pods('frontend');
  const agents = await signIn(pool, side);
  await talk(agents, WARM_UP_SECONDS * pods.length);
  const before = cpuOf(pods);
  const answered = await talk(agents, SECONDS);
  const after = cpuOf(pods);
  for (const agent of agents) agent.close();
  await wait(1000);
  const still = cpuOf(pods);
  await wait(4000);
  return {
    micros: ((after - before) / answered) * 1e6,
    failed: PER_SECOND * SECONDS - answered,
    idle: (cpuOf(pods) - still) / 4,
  };
}

function rowOf(side: Side, size: number, { micros, failed, idle }: Cost, alone: number): Row {
  const pods = size === 1 ? 'one Front End' : `${size} Front Ends`;
  return {
    what: `a message ${side} on ${pods}, ${PER_SECOND}/s${failed > 0 ? `, ${failed} FAILED` : ''}`,
    measured: `${Math.round(micros)} µs of all together`,
    baseline: `idle ${(idle * 100).toFixed(1)}% of a processor`,
    ratio: `${(micros / alone).toFixed(2)}×`,
    ...(size === SIZES.at(-1) && { bar: '≤ 1.5×' }),
  };
}

export async function measureGrowth(): Promise<Row[]> {
  const rows: Row[] = [];
  const alone = new Map<Side, number>();
  for (const size of SIZES) {
    const pool = await startPool({ frontends: size, directors: 1, edges: 1, users: USERS });
    try {
      await pool.view.ownedBy(pool.pods('frontend').map(({ name }) => name));
      for (const side of ['inside', 'outside'] as const) {
        const cost = await costOf(pool, side);
        if (size === 1) alone.set(side, cost.micros);
        rows.push(rowOf(side, size, cost, alone.get(side) ?? Number.NaN));
      }
    } finally {
      await pool.close();
    }
  }
  return rows;
}
