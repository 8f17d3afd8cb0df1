// What it adds when a sender's connection ends on another Front End than the one that serves the receiver.
import { createUserAgent, type UserAgent } from '../peers/ua.ts';
import type { Pod } from '../pool/pod.ts';
import { type PoolLab, startPool } from '../pool/pool.ts';
import { groupOfUser } from '../pool/pool-view.ts';
import { type Latency, measureLatency } from './latency.ts';
import type { Row } from './row.ts';

const SENDERS = 10;
const PER_SECOND = 300;
const SECONDS = 6;

async function signIn(pool: PoolLab, user: string, pod: Pod): Promise<UserAgent> {
  const { ca: caFile } = await pool.lab.sipTls(pool.domain);
  const way = { tls: pod.ports.listeners['sip-tls'] ?? 0, caFile };
  const agent = await createUserAgent(user, pool.password(user), way);
  await agent.register();
  return agent;
}

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(2)}`;

const text = ({ p50, p99, failed }: Latency): string =>
  `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms${failed > 0 ? `, ${failed} FAILED` : ''}`;

/** The receiver is connected to its owner both times; only where the senders' connections end differs. In turn, twice. */
export async function measurePeerRelay(): Promise<Row[]> {
  const pool = await startPool({ frontends: 2, directors: 0, edges: 0, users: SENDERS + 20 });
  const agents: UserAgent[] = [];
  try {
    const [owner, other] = pool.pods('frontend') as [Pod, Pod];
    await pool.view.ownedBy([owner.name, other.name]);
    const owners = await pool.view.owners();
    const receiving = pool.users.find((user) => owners.get(groupOfUser(user))?.pod === owner.name) as string;
    const sending = pool.users.filter((user) => user !== receiving).slice(0, SENDERS);
    const receiver = await signIn(pool, receiving, owner);
    const here = await Promise.all(sending.map((user) => signIn(pool, user, owner)));
    const there = await Promise.all(sending.map((user) => signIn(pool, user, other)));
    agents.push(receiver, ...here, ...there);
    for (const senders of [here, there]) await measureLatency(senders, receiver, PER_SECOND, 2);
    const local: Latency[] = [];
    const relayed: Latency[] = [];
    for (let round = 0; round < 2; round++) {
      local.push(await measureLatency(here, receiver, PER_SECOND, SECONDS / 2));
      relayed.push(await measureLatency(there, receiver, PER_SECOND, SECONDS / 2));
    }
    const best = (all: Latency[]): Latency => all.toSorted((a, b) => a.p50 - b.p50)[0] as Latency;
    const [near, far] = [best(local), best(relayed)];
    return [
      {
        what: `a message by way of another Front End, ${PER_SECOND} messages/s`,
        measured: text(far),
        baseline: `at the owner itself ${text(near)}`,
        ratio: `p50 ${signed(far.p50 - near.p50)} ms, p99 ${signed(far.p99 - near.p99)} ms`,
      },
    ];
  } finally {
    for (const agent of agents) agent.close();
    await pool.close();
  }
}
