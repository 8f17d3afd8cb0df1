// Durable posts with compliance on: another pod, a process of its own, takes every event out of the queue and into the chains of
// the compliance store, in the same PostgreSQL. The baseline is the same posts inserted there in batches by somebody who wants
// nothing else.
import { createPods, type Pod, type Pods } from '../../../services/persistent-chat/test/pods.ts';
import { cpuSeconds } from '../cpu.ts';
import type { Row } from '../row.ts';
import { type ComplianceStore, startCompliancePod } from './compliance-pod.ts';

const SECONDS = 8;
const ROUNDS = 3;
const ROOMS = 100;
const AUTHORS = 200;
/** Of the raw inserts; posts are stored by as many at once. */
const BATCH = 400;
const CONNECTIONS = 3;
/** Posts whose answers are awaited at the same time. */
const UNDER_WAY = 2_000;
const body =
  'Shall we meet at ten to look at the figures of the third quarter? I have put them into the folder. ';

const author = (n: number): string => `user${n % AUTHORS}@contoso.lab`;

const RAW = `
  INSERT INTO raw_posts (room, seq, author, at, client_id, body)
  SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])`;

/** Rows a second. */
async function insert(pods: Pods, pod: Pod, rooms: readonly string[]): Promise<number> {
  await pods.sql('CREATE TABLE IF NOT EXISTS raw_posts (LIKE posts INCLUDING ALL)');
  await pods.sql('TRUNCATE raw_posts');
  await pods.sql('CHECKPOINT');
  const began = performance.now();
  let count = 0;
  const one = async (): Promise<void> => {
    const client = await pod.pool.connect();
    while (performance.now() - began < SECONDS * 1000) {
      const numbers = Array.from({ length: BATCH }, () => count++);
      await client.query({
        name: 'raw',
        text: RAW,
        values: [
          numbers.map((n) => rooms[n % rooms.length]),
          numbers,
          numbers.map(author),
          numbers.map(() => new Date().toISOString()),
          numbers.map((n) => `raw-${n}`),
          numbers.map((n) => body + n),
        ],
      });
    }
    client.release();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return (count * 1000) / (performance.now() - began);
}

interface Round {
  /** Posts a second that were acknowledged, and those that the compliance store had as well in the end. */
  acknowledged: number;
  kept: number;
  /** Seconds from the last acknowledgement until the compliance store had them all. */
  behind: number;
  /** Processor seconds for each 1,000 posts: of the pod that takes them, and of the one that keeps them. */
  pod: number;
  keeper: number;
}

let given = 0;

async function post(
  pods: Pods,
  pod: Pod,
  rooms: readonly string[],
  compliance: ComplianceStore,
): Promise<Round> {
  await pods.sql('CHECKPOINT');
  const [own, other] = [process.cpuUsage(), cpuSeconds(compliance.pid)];
  const began = performance.now();
  let count = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - began < SECONDS * 1000) {
      const n = given++;
      const posting = { clientId: `post-${n}`, body: body + n };
      await pod.messages.post({ name: author(n) }, rooms[n % rooms.length] as string, posting);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, one));
  const acknowledged = performance.now();
  await compliance.hasAll();
  const kept = performance.now();
  const { user, system } = process.cpuUsage(own);
  return {
    acknowledged: (count * 1000) / (acknowledged - began),
    kept: (count * 1000) / (kept - began),
    behind: (kept - acknowledged) / 1000,
    pod: (user + system) / 1000 / count,
    keeper: ((cpuSeconds(compliance.pid) - other) * 1000) / count,
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** Raw inserts and posts in turn, after a round to warm up. */
export async function measureCompliance(): Promise<Row[]> {
  const pods = await createPods();
  let compliance: ComplianceStore | undefined;
  try {
    const pod = await pods.start('one');
    // What is measured is not how fast one person may be.
    pods.limits.postsPerSecondPerUser = 1_000_000;
    compliance = await startCompliancePod(pods);
    const people = Array.from({ length: AUTHORS }, (_, n) => author(n));
    const rooms: string[] = [];
    for (let n = 0; n < ROOMS; n++) rooms.push(await pods.room(`bench ${n}`, people));
    await post(pods, pod, rooms, compliance);
    const [raw, ours]: [number[], Round[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      raw.push(await insert(pods, pod, rooms));
      ours.push(await post(pods, pod, rooms, compliance));
    }
    const of = (field: keyof Round): number => median(ours.map((each) => each[field]));
    const ratio = (rate: number): string => `${(rate / median(raw)).toFixed(2)}×`;
    const baseline = `raw batched inserts ${whole(median(raw))}/s`;
    return [
      {
        what: 'chat-compliance: posts acknowledged, another process keeps them for compliance',
        measured: `${whole(of('acknowledged'))}/s`,
        baseline,
        ratio: ratio(of('acknowledged')),
        bar: '≥ 5,000/s, target 10,000/s; ≥ 0.15×',
      },
      {
        what: 'chat-compliance: the same until the compliance store has the last of them',
        measured: `${whole(of('kept'))}/s, ${of('behind').toFixed(1)} s behind after ${SECONDS} s`,
        baseline,
        ratio: ratio(of('kept')),
      },
      {
        what: 'chat-compliance: processor time for 1,000 posts',
        measured: `${whole(of('pod') * 1000)} ms in the pod that takes them, ${whole(of('keeper') * 1000)} ms in the one that keeps them`,
      },
    ];
  } finally {
    await compliance?.stop();
    await pods.close();
  }
}
