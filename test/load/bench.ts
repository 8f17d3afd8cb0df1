// `npm run bench [name…]`: what Linchpin does on this machine, as ratios to a baseline of the same run where there is one.
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type System, startSystem } from '../system.ts';
import { publishUsers } from '../users.ts';
import { startKamailio } from './kamailio.ts';
import { measureExternalPath } from './latency.ts';
import { measurePool } from './pool.ts';
import type { Row } from './row.ts';
import { loadUsers, measureMessage, measureRegister, type Subject, type Throughput } from './throughput.ts';

const root = join(import.meta.dirname, '../..');

const number = (value: number): string => Math.round(value).toLocaleString('en');

/** The benchmarks that the packages carry: each has `run()`, which returns what it measured. */
const micro: Record<string, { file: string; bar?: string }> = {
  parser: { file: 'packages/sip/bench/parse.ts', bar: '200,000 typical messages/s' },
  transactions: { file: 'packages/sip/bench/transaction.ts' },
  proxy: { file: 'packages/sip/bench/proxy.ts' },
  'peer-link': { file: 'packages/host/bench/peer-link.ts' },
  push: { file: 'packages/topology/bench/push.ts', bar: '< 500 ms in 50 replicas' },
  presence: { file: 'services/frontend/bench/presence.ts', bar: '10,000 NOTIFY/s' },
  'take-over': { file: 'services/frontend/bench/take-over.ts', bar: '< 500 ms CPU' },
  'chat-posts': { file: 'services/persistent-chat/bench/posts.ts', bar: '5,000/s, 0.15×' },
  'chat-history': { file: 'services/persistent-chat/bench/history.ts', bar: '< 50 ms' },
  'chat-alerts': { file: 'services/persistent-chat/bench/alerts.ts', bar: '200,000/s' },
};

/** Of Persistent Chat, on pods that are processes of their own. */
const chat: Record<string, () => Promise<Row[]>> = {
  'chat-compliance': async () => (await import('./chat/compliance.ts')).measureCompliance(),
  'chat-latency': async () => (await import('./chat/latency.ts')).measureRoomLatency(),
  'chat-capacity': async () => (await import('./chat/capacity.ts')).measureCapacity(),
  'chat-prosody': async () => (await import('./chat/prosody.ts')).measureAgainstProsody(),
};

interface Figure {
  name: string;
  perSecond?: number;
  milliseconds?: number;
  /** What it is compared with, in the same run. */
  baseline?: string;
  ratio?: number;
}

async function runMicro(name: string): Promise<Row[]> {
  const { file, bar } = micro[name] as { file: string; bar?: string };
  const { run } = (await import(join(root, file))) as {
    run(): Promise<Figure | Figure[]>;
  };
  return [await run()].flat().map(({ name: what, perSecond, milliseconds, baseline, ratio }, index) => ({
    what: `${name}: ${what}`,
    measured: perSecond === undefined ? `${(milliseconds ?? 0).toFixed(1)} ms` : `${number(perSecond)}/s`,
    ...(baseline !== undefined && { baseline }),
    ...(ratio !== undefined && { ratio: `${ratio.toFixed(2)}×` }),
    ...(index === 0 && bar !== undefined ? { bar } : {}),
  }));
}

/** Calls begun each second: near what one process can take here, where an event-driven server has its best cost per call. */
const REGISTERS = 3500;
const MESSAGES = 2500;

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Three times in turn, after a run to warm up: a server runs for weeks, what counts is what it does once it is compiled. */
async function compare(
  what: string,
  bar: string,
  ours: Subject,
  baseline: Subject,
  measure: (subject: Subject) => Promise<Throughput>,
): Promise<Row> {
  await measure(ours);
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 3; round++) {
    theirs.push((await measure(baseline)).perCpuSecond);
    mine.push((await measure(ours)).perCpuSecond);
  }
  return {
    what,
    measured: `${number(median(mine))} per CPU second`,
    baseline: `Kamailio ${number(median(theirs))}`,
    ratio: `${(median(mine) / median(theirs)).toFixed(2)}×`,
    bar,
  };
}

async function againstKamailio(system: System): Promise<Row[]> {
  const kamailio = await startKamailio();
  const baseline: Subject = {
    name: 'kamailio',
    server: `127.0.0.1:${kamailio.port}`,
    domain: 'contoso.lab',
    pids: [kamailio.pid],
  };
  const server = `127.0.0.1:${system.port('sip-udp')}`;
  const ours: Subject = {
    name: 'Front End',
    server,
    domain: system.domain,
    pids: [await system.pid('frontend')],
  };
  try {
    return [
      await compare('MESSAGE, challenged and relayed, UDP', '≥ 0.6×', ours, baseline, (subject) =>
        measureMessage(subject, 15_000, MESSAGES),
      ),
      await compare('REGISTER with digest, UDP', '≥ 0.3×', ours, baseline, (subject) =>
        measureRegister(subject, 20_000, REGISTERS),
      ),
    ];
  } finally {
    await kamailio.stop();
  }
}

async function externalPath(system: System): Promise<Row[]> {
  const { inside, outside } = await measureExternalPath(system);
  const lost = inside.failed + outside.failed;
  return [
    {
      what: `Edge and Director in the way, 500 messages/s${lost > 0 ? `, ${lost} FAILED` : ''}`,
      measured: `p50 ${outside.p50.toFixed(2)} ms, p99 ${outside.p99.toFixed(2)} ms`,
      baseline: `inside p50 ${inside.p50.toFixed(2)} ms, p99 ${inside.p99.toFixed(2)} ms`,
      ratio: `+${(outside.p50 - inside.p50).toFixed(2)} ms`,
      bar: '≤ +1 ms at p50',
    },
  ];
}

async function withSystem(names: string[]): Promise<Row[]> {
  const system = await startSystem();
  try {
    await publishUsers(system, [...loadUsers, 'receiver']);
    const rows: Row[] = [];
    if (names.includes('kamailio')) rows.push(...(await againstKamailio(system)));
    if (names.includes('external')) rows.push(...(await externalPath(system)));
    if (names.includes('restart')) {
      const seconds = await system.restart();
      rows.push({
        what: '`npm start` again, until ready',
        measured: `${seconds.toFixed(1)} s`,
        bar: '≤ 5 s',
      });
    }
    return rows;
  } finally {
    await system.stop();
  }
}

function print(rows: Row[]): void {
  const cells = [
    ['what', 'measured', 'baseline', 'ratio', 'bar'],
    ['---', '---', '---', '---', '---'],
    ...rows.map(({ what, measured, baseline = '', ratio = '', bar = '' }) => [
      what,
      measured,
      baseline,
      ratio,
      bar,
    ]),
  ];
  for (const row of cells) console.log(`| ${row.join(' | ')} |`);
}

const whole = ['kamailio', 'external', 'restart'];
const known = [...Object.keys(micro), ...Object.keys(chat), ...whole, 'pool'];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(', ')}; there are ${known.join(', ')}`);
  process.exit(2);
}
const names = asked.length > 0 ? asked : known;
console.log(
  `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}\n`,
);
const rows: Row[] = [];
for (const name of names.filter((candidate) => candidate in micro)) {
  console.error(`… ${name}`);
  rows.push(...(await runMicro(name)));
}
for (const name of names.filter((candidate) => candidate in chat)) {
  console.error(`… ${name}`);
  rows.push(...((await chat[name]?.()) ?? []));
}
if (names.some((name) => whole.includes(name))) rows.push(...(await withSystem(names)));
if (names.includes('pool')) rows.push(...(await measurePool()));
print(rows);
process.exit(0);
