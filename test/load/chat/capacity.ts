// The capacity that Lync 2013 documents for a pool of four active servers: 80,000 people connected, in the rooms of the documented
// mix. Four pods, each the whole role in a process of its own; people are sessions without sockets. How long a pod takes to serve,
// what a membership costs in memory, and what a steady rate of posts does to the machine.
import { cpus } from 'node:os';
import { cpuSeconds } from '../cpu.ts';
import type { Row } from '../row.ts';
import { type Crowd, type Memory, startCrowd } from './crowd.ts';
import { type Hearing, listen, percentile } from './hearing.ts';
import { type ChatLab, createChatLab } from './lab.ts';
import { documentedMix, type Mix, memberships, roomCount, roomsOf } from './mix.ts';

const PODS = 4;
/** Lync's sizing samples have 56 and 74 a second. */
const PER_SECOND = 100;
const SECONDS = 30;
const WARM_SECONDS = 5;

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

interface Starts {
  /** Milliseconds until it was ready, with nothing on its disk, and with what it had before. */
  fresh: number;
  again: number;
  /** To ask for every room once. */
  rooms: number;
}

/** The first of the pods twice: resolves with the second one, which stays. */
async function startTwice(file: string, mix: Mix): Promise<{ starts: Starts; pod: Crowd }> {
  const first = await startCrowd(file);
  const rooms = await first.rooms({ mix });
  await first.kill();
  const pod = await startCrowd(file);
  return { starts: { fresh: first.startedIn, again: pod.startedIn, rooms }, pod };
}

interface Load {
  hearing: Hearing;
  /** Processors that were busy on average: of the pods, and of PostgreSQL and NATS. */
  pods: number;
  backends: number;
  /** Milliseconds that a pod was busy with one thing, at most: garbage is collected in them as well. */
  busiest: number;
}

async function load(pods: readonly Crowd[], mix: Mix): Promise<Load> {
  const sizes = roomsOf(mix).map(({ size }) => size);
  const sizeOf = (room: number): number => sizes[room] as number;
  const post = async (label: string, duration: number) => {
    const each = { mix, perSecond: PER_SECOND / PODS, seconds: duration, label };
    return (await Promise.all(pods.map((pod, at) => pod.post({ ...each, part: { at, of: PODS } })))).flat();
  };
  await post('warm', WARM_SECONDS);
  for (const pod of pods) await pod.busiest();
  const began = performance.now();
  const own = process.cpuUsage();
  const all = cpuSeconds(process.pid);
  const before = sum(pods.map(({ pid }) => cpuSeconds(pid)));
  const sent = await post('load', SECONDS);
  const lasted = (performance.now() - began) / 1000;
  const inPods = sum(pods.map(({ pid }) => cpuSeconds(pid))) - before;
  const { user, system } = process.cpuUsage(own);
  const inBackends = cpuSeconds(process.pid) - all - inPods - (user + system) / 1e6;
  const busiest = Math.max(...(await Promise.all(pods.map((pod) => pod.busiest()))));
  const hearing = await listen(pods, sent, sizeOf);
  return { hearing, pods: inPods / lasted, backends: inBackends / lasted, busiest };
}

const grown = (before: readonly Memory[], after: readonly Memory[], field: 'used' | 'rss'): number =>
  sum(after.map((memory) => memory[field])) - sum(before.map((memory) => memory[field]));

async function measure(chat: ChatLab, mix: Mix, pods: Crowd[]): Promise<Row[]> {
  const { starts, pod } = await startTwice((await chat.podConfig('chat-0')).file, mix);
  pods.push(pod);
  for (let n = 1; n < PODS; n++) pods.push(await startCrowd((await chat.podConfig(`chat-${n}`)).file));
  await chat.enterElsewhere();
  const empty = await Promise.all(pods.map((each) => each.memory()));
  const joined = await Promise.all(pods.map((each, at) => each.join({ mix, part: { at, of: PODS } })));
  const full = await Promise.all(pods.map((each) => each.memory()));
  const sessions = sum(joined.map((each) => each.sessions));
  const took = Math.max(...joined.map((each) => each.seconds));
  await chat.settle();
  const under = await load(pods, mix);
  const ended = sum((await Promise.all(pods.map((each) => each.memory()))).map((memory) => memory.ended));
  const { hearing } = under;
  const deliveries = memberSquares(mix) / memberships(mix);
  const each = (field: 'used' | 'rss'): string => `${whole(grown(empty, full, field) / sessions)} bytes`;
  const people = `${whole(mix.users)} people in ${whole(roomCount(mix))} rooms`;
  return [
    {
      what: `chat-capacity: a new pod until it serves and has given every one of ${whole(roomCount(mix))} rooms`,
      measured: `${seconds(starts.fresh + starts.rooms)}, the rooms ${seconds(starts.rooms)} of it`,
      baseline: `its directory on its disk: ${seconds(starts.again + starts.rooms)}`,
      bar: '< 5 s',
    },
    {
      what: `chat-capacity: memory for each of ${whole(sessions)} memberships that are connected, on ${PODS} pods`,
      measured: each('used'),
      baseline: `of the processes ${each('rss')}`,
      bar: '≤ 1 KB',
    },
    {
      what: `chat-capacity: ${people}, ${PER_SECOND} posts/s, ${whole(PER_SECOND * deliveries)} deliveries/s: to the last recipient${faults(hearing, ended)}`,
      measured: `p50 ${percentile(hearing.toLast, 0.5).toFixed(0)} ms, p99 ${percentile(hearing.toLast, 0.99).toFixed(0)} ms, at most ${percentile(hearing.toLast, 1).toFixed(0)} ms`,
      baseline: `stored p99 ${percentile(hearing.toStored, 0.99).toFixed(0)} ms; a pod busy with one thing at most ${under.busiest.toFixed(0)} ms`,
      bar: '> 74 posts/s',
    },
    {
      what: `chat-capacity: what it takes of ${cpus().length} processors, and memory`,
      measured: `${PODS} pods ${percent(under.pods)}, PostgreSQL and NATS ${percent(under.backends)}`,
      baseline: `${whole(sum(full.map(({ rss }) => rss)) / 2 ** 20)} MB in all pods, ${whole(sum(empty.map(({ rss }) => rss)) / 2 ** 20)} MB with nobody there`,
    },
    {
      what: 'chat-capacity: joining rooms where they are noted already, all pods together',
      measured: `${whole(sessions / took)}/s`,
      bar: '10/s at peak in Lync 2013',
    },
  ];
}

const percent = (processors: number): string => `${((processors / cpus().length) * 100).toFixed(0)} %`;

/** Each member of a room posts as often as any other of any room, and each of them hears it. */
const memberSquares = ({ kinds }: Mix): number => sum(kinds.map(({ rooms, size }) => rooms * size * size));

const faults = ({ wrong }: Hearing, ended: number): string =>
  `${wrong > 0 ? `, ${wrong} NOT HEARD` : ''}${ended > 0 ? `, ${ended} SESSIONS LOST` : ''}`;

export async function measureCapacity(mix: Mix = documentedMix): Promise<Row[]> {
  const chat = await createChatLab({ mix });
  const pods: Crowd[] = [];
  try {
    return await measure(chat, mix, pods);
  } finally {
    for (const pod of pods) await pod.kill();
    await chat.close();
  }
}
