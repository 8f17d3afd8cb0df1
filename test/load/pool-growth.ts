// The same load on more Front Ends: what a message costs them together.
import { createUserAgent, type UserAgent } from '../peers/ua.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { wait } from '../pool/wait.ts';
import { cpuSeconds } from './cpu.ts';
import type { Row } from './row.ts';

const SIZES = [1, 2, 3, 5] as const;
const USERS = 40;
const PER_SECOND = 400;
const SECONDS = 8;

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

/** Microseconds of all Front Ends together for each message, and what they take of one processor when nobody talks. */
async function costOf(pool: PoolLab): Promise<{ micros: number; failed: number; idle: number }> {
  const pods = pool.pods('frontend');
  await pool.view.ownedBy(pods.map(({ name }) => name));
  const agents = await Promise.all(
    pool.users.map(async (user, index) => {
      const pod = pods[index % pods.length] as Pod;
      const agent = await createUserAgent(user, pool.password(user), {
        tcp: pod.ports.listeners['sip-tcp'] ?? 0,
      });
      await agent.register();
      return agent;
    }),
  );
  await talk(agents, 4);
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

export async function measureGrowth(): Promise<Row[]> {
  const rows: Row[] = [];
  let alone = Number.NaN;
  for (const size of SIZES) {
    const pool = await startPool({ frontends: size, directors: 0, edges: 0, users: USERS });
    try {
      const { micros, failed, idle } = await costOf(pool);
      if (size === 1) alone = micros;
      rows.push({
        what: `a message on ${size} Front End${size === 1 ? '' : 's'}, ${PER_SECOND}/s${failed > 0 ? `, ${failed} FAILED` : ''}`,
        measured: `${Math.round(micros)} µs of all together`,
        baseline: `idle ${(idle * 100).toFixed(1)}% of a processor`,
        ratio: `${(micros / alone).toFixed(2)}×`,
        ...(size === SIZES.at(-1) && { bar: '≤ 1.5×' }),
      });
    } finally {
      await pool.close();
    }
  }
  return rows;
}
