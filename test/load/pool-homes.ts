// How long the users of a Front End are without one: after a kill -9, and when it is drained.

import { sippUser, startSipp } from '../peers/sipp.ts';
import { createUserAgent, type UserAgent } from '../peers/ua.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { groupOfUser, type Ownership } from '../pool/pool-view.ts';
import { expectSoon, wait } from '../pool/wait.ts';
import type { Row } from './row.ts';

/** A Front End of the product this follows is made for so many users. */
const USERS_EACH = 6660;
const FRONT_ENDS = 3;
/** At each Front End. */
const PER_SECOND = 150;

const names = (pool: PoolLab): string[] => pool.pods('frontend').map(({ name }) => name);

/** A third of them at each, most of whom another one serves. What a busy machine made fail is not worth a repetition. */
async function signEverybodyIn(pool: PoolLab): Promise<void> {
  const pods = pool.pods('frontend');
  await Promise.all(
    pods.map(async (pod, index) => {
      const users = pool.users.filter((_, at) => at % pods.length === index);
      const sipp = await startSipp({
        scenario: 'register',
        server: `127.0.0.1:${pod.ports.listeners['sip-udp']}`,
        domain: pool.domain,
        users: users.map((user) => sippUser(user.split('@')[0] ?? '', pool.password(user))),
        calls: users.length,
        rate: PER_SECOND,
      });
      await sipp.exited;
    }),
  );
  const enough = pool.users.length * 0.95;
  await expectSoon(
    async () => {
      const shares = (await pool.view.members()).map(({ groups }) => groups?.users ?? 0);
      return shares.reduce((sum, users) => sum + users, 0);
    },
    (signedIn) => signedIn >= enough,
    10_000,
  );
}

/** One user of each group that this pod owns. */
async function probesOf(pool: PoolLab, pod: Pod): Promise<Map<number, string>> {
  const owners = await pool.view.owners();
  const groups = [...owners].flatMap(([group, owner]) => (owner.pod === pod.name ? [group] : []));
  return new Map(
    groups.map((group) => [group, pool.users.find((user) => groupOfUser(user) === group) as string]),
  );
}

interface Served {
  /** performance.now() of each answer by the owner of the group. */
  answers: number[];
}

/**
 * Asks for a user's bindings again and again, as fast as answers come; REGISTER is answered by the owner alone. What was on
 * its way to a Front End that died has no answer, so it is asked anew soon.
 */
function probe(agent: UserAgent, signal: AbortSignal): Served {
  const answers: number[] = [];
  void (async () => {
    while (!signal.aborted) {
      const response = await agent.request('REGISTER', { milliseconds: 300 }).catch(() => undefined);
      if (response?.status === 200) answers.push(performance.now());
      await wait(response?.status === 200 ? 25 : 5);
    }
  })();
  return { answers };
}

interface Measured {
  /** Milliseconds from the harm to the first new owner. */
  detected: number;
  /** To the last group's first answer by its new owner. */
  served: number;
  /** The longest time without an answer for any group. */
  gap: number;
  users: number;
}

async function harm(pool: PoolLab, pod: Pod, act: () => Promise<unknown>): Promise<Measured> {
  const landing = pool.pods('frontend').find((other) => other !== pod) as Pod;
  const probes = await probesOf(pool, pod);
  const users = pool.users.filter((user) => probes.has(groupOfUser(user))).length;
  const told = new Map<number, readonly Ownership[]>();
  for (const group of probes.keys()) told.set(group, await pool.view.follow(group));
  const stopped = new AbortController();
  const agents: UserAgent[] = [];
  const asked: Served[] = [];
  for (const user of probes.values()) {
    const agent = await createUserAgent(user, pool.password(user), {
      tcp: landing.ports.listeners['sip-tcp'] ?? 0,
    });
    agents.push(agent);
    asked.push(probe(agent, stopped.signal));
  }
  await expectSoon(
    () => asked.map(({ answers }) => answers.length),
    (counts) => counts.every((count) => count > 5),
    20_000,
  );
  const begun = performance.now();
  const acted = act();
  const isMoved = (owners: readonly Ownership[]): boolean => owners.at(-1)?.pod !== pod.name;
  await expectSoon(
    () => [...told.values()].map(isMoved),
    (moved) => moved.every(Boolean),
    60_000,
  );
  const takenAt = [...told.values()].map((owners) => owners.find(({ at }) => at > begun)?.at ?? Number.NaN);
  const first = asked.map(({ answers }, index) => () => {
    const taken = takenAt[index] ?? Number.NaN;
    return answers.find((at) => at > taken);
  });
  await expectSoon(
    () => first.map((find) => find()),
    (answers) => answers.every((at) => at !== undefined),
    60_000,
  );
  await acted;
  stopped.abort();
  for (const agent of agents) agent.close();
  const gaps = asked.flatMap(({ answers }) =>
    answers.slice(1).map((at, index) => at - (answers[index] ?? at)),
  );
  return {
    users,
    detected: Math.min(...takenAt) - begun,
    served: Math.max(...first.map((find) => find() ?? Number.NaN)) - begun,
    gap: Math.max(...gaps),
  };
}

const ms = (value: number): string => `${Math.round(value).toLocaleString('en')} ms`;

/** kill -9 of one of three, then its return, then a drain of the same one. */
export async function measureHomes(): Promise<Row[]> {
  const pool = await startPool({
    frontends: FRONT_ENDS,
    directors: 0,
    edges: 0,
    users: USERS_EACH * FRONT_ENDS,
    drainSeconds: 60,
  });
  try {
    await pool.view.ownedBy(names(pool));
    await signEverybodyIn(pool);
    const victim = pool.pods('frontend').at(-1) as Pod;
    const killed = await harm(pool, victim, () => pool.kill9(victim));
    await pool.view.ownedBy(names(pool));
    const back = await pool.again(victim);
    await pool.view.ownedBy(names(pool));
    const drained = await harm(pool, back, () => pool.drain(back));
    const who = (count: number): string => `${count.toLocaleString('en')} users of one of three Front Ends`;
    return [
      {
        what: `kill -9: ${who(killed.users)} served by the others`,
        measured: ms(killed.served),
        baseline: `noticed after ${ms(killed.detected)}`,
        ratio: `+${ms(killed.served - killed.detected)} to serve all`,
        bar: '≤ 10 s',
      },
      {
        what: `drain: ${who(drained.users)} handed over`,
        measured: ms(drained.served),
        baseline: `longest wait for any answer ${ms(drained.gap)}`,
      },
    ];
  } finally {
    await pool.close();
  }
}
