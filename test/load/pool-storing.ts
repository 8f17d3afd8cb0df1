// What it costs a Front End to have a binding stored before its REGISTER is answered.
import type { Pod } from '../pool/pod.ts';
import { startPool } from '../pool/pool.ts';
import type { Row } from './row.ts';
import { measureAsking, measureRegister, type Subject, type Throughput } from './throughput.ts';

const CALLS = 6000;
const PER_SECOND = 800;
const ROUNDS = 3;

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const micros = ({ cpuSeconds, calls }: Throughput): number => (cpuSeconds / calls) * 1e6;

/** Both are challenged, checked, looked up and answered; only one changes a binding. In turn, after a run to warm up. */
export async function measureStoring(): Promise<Row[]> {
  const pool = await startPool({ frontends: 1, directors: 0, edges: 0, users: 100 });
  try {
    const [pod] = pool.pods('frontend') as [Pod];
    await pool.view.ownedBy([pod.name]);
    const subject: Subject = {
      name: pod.name,
      server: `127.0.0.1:${pod.ports.listeners['sip-udp']}`,
      domain: pool.domain,
      pids: [pod.pid],
    };
    await measureRegister(subject, CALLS, PER_SECOND);
    const [storing, asking]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      asking.push(micros(await measureAsking(subject, CALLS, PER_SECOND)));
      storing.push(micros(await measureRegister(subject, CALLS, PER_SECOND)));
    }
    const [whole, without] = [median(storing), median(asking)];
    return [
      {
        what: 'REGISTER with digest, its binding changed and stored',
        measured: `${Math.round(whole)} µs`,
        baseline: `one that only asks ${Math.round(without)} µs`,
        ratio: `+${Math.round(whole - without)} µs, ${(whole / without).toFixed(2)}×`,
      },
    ];
  } finally {
    await pool.close();
  }
}
