// The same posts by the same people in the same rooms of Prosody: both servers archive in the same PostgreSQL before they tell
// anybody, and people are connected over TLS. Persistent Chat keeps every event for compliance besides.
import { readFile } from 'node:fs/promises';
import { LAB_DOMAIN } from '@linchpin/testkit';
import { cpuSeconds } from '../cpu.ts';
import type { Row } from '../row.ts';
import { markOf } from './ear.ts';
import { percentile } from './hearing.ts';
import { type ChatLab, createChatLab } from './lab.ts';
import type { Member, RoomServer } from './member.ts';
import { type Mix, roomsOf } from './mix.ts';
import { PROSODY_DATABASE, startProsody } from './prosody-server.ts';
import { startServer } from './server.ts';
import { signInByWeb } from './web-member.ts';

/** Ten rooms for how many, and one with everybody in it for how fast. */
const mix: Mix = {
  users: 150,
  kinds: [
    { rooms: 10, size: 15 },
    { rooms: 1, size: 150 },
  ],
};
/** The room with everybody. */
const HALL = 10;
/** Of each member, one after the other. */
const POSTS_EACH = 15;
const WARM_EACH = 5;
const ROUNDS = 3;
/** In the hall. */
const PER_SECOND = 20;
const SECONDS = 8;
const WARM_SECONDS = 2;
const body =
  'Shall we meet at ten to look at the figures of the third quarter? I have put them into the folder.';

interface Ears {
  /** About to be posted; `size` members have to hear it. Returns its number. */
  expect(size: number): number;
  onPost(n: number): void;
  /**
   * When everything was heard by everybody: the milliseconds of each post from the call to its last hearer, sorted, since this
   * was asked for the last time. Rejects when nothing comes any more, or when somebody heard what was not for them.
   */
  all(): Promise<number[]>;
}

const PATIENCE_MS = 20_000;

function createEars(): Ears {
  const waiting = new Map<number, { at: number; left: number }>();
  let took: number[] = [];
  let next = 0;
  let last = 0;
  let strange = 0;
  return {
    expect(size) {
      waiting.set(next, { at: performance.now(), left: size });
      return next++;
    },
    onPost(n) {
      last = performance.now();
      const post = waiting.get(n);
      if (post === undefined) strange += 1;
      else if (--post.left === 0) {
        took.push(last - post.at);
        waiting.delete(n);
      }
    },
    async all() {
      for (last = performance.now(); waiting.size > 0; ) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (performance.now() - last > PATIENCE_MS)
          throw new Error(`${waiting.size} posts were not heard by everybody`);
      }
      if (strange > 0) throw new Error(`posts were heard ${strange} times too often`);
      const heard = took.sort((a, b) => a - b);
      took = [];
      return heard;
    },
  };
}

interface Contest {
  server: RoomServer;
  members: Member[];
  ears: Ears;
  posted: number;
}

async function enter(server: RoomServer): Promise<Contest> {
  const ears = createEars();
  const members: Member[] = [];
  for (let user = 0; user < mix.users; user++) members.push(await server.signIn(user, ears.onPost));
  for (const { room, size, firstUser } of roomsOf(mix))
    for (let seat = 0; seat < size; seat++)
      await members[(firstUser + seat) % mix.users]?.join(server.roomName(room));
  return { server, members, ears, posted: 0 };
}

async function post(contest: Contest, user: number, room: number, size: number): Promise<void> {
  const n = contest.ears.expect(size);
  contest.posted += 1;
  await contest.members[user]?.post(contest.server.roomName(room), n, `${body} ${markOf(n)}`);
}

interface Throughput {
  perSecond: number;
  /** Milliseconds of the server's processor time for a post. */
  cost: number;
}

/** Everybody posts in their small room, the next one when the last one is acknowledged. */
async function throughput(contest: Contest, each: number): Promise<Throughput> {
  const rooms = roomsOf(mix).slice(0, HALL);
  const [began, cpu] = [performance.now(), contest.server.cpu()];
  const people = rooms.flatMap(({ room, size, firstUser }) =>
    Array.from({ length: size }, async (_, seat) => {
      for (let n = 0; n < each; n++) await post(contest, firstUser + seat, room, size);
    }),
  );
  await Promise.all(people);
  await contest.ears.all();
  const posts = people.length * each;
  return {
    perSecond: (posts * 1000) / (performance.now() - began),
    cost: ((contest.server.cpu() - cpu) * 1000) / posts,
  };
}

/** A steady rate in the hall; milliseconds to the last hearer, sorted. */
async function latency(contest: Contest, seconds: number): Promise<number[]> {
  const began = performance.now();
  const answers: Promise<void>[] = [];
  for (let n = 0; n < PER_SECOND * seconds; n++) {
    const wait = began + (n * 1000) / PER_SECOND - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    answers.push(post(contest, n % mix.users, HALL, mix.users));
  }
  await Promise.all(answers);
  return contest.ears.all();
}

async function startOurs(chat: ChatLab): Promise<RoomServer & { stop(): Promise<void> }> {
  const config = await chat.podConfig('chat-0', { web: true });
  const pod = await startServer(config);
  const ca = await readFile((await chat.lab.sipTls(LAB_DOMAIN)).ca, 'utf8');
  return {
    name: 'Persistent Chat',
    cpu: () => cpuSeconds(pod.pid),
    roomName: (room) => `room ${room}`,
    signIn: (user, onPost) =>
      signInByWeb({ port: config.web, ca, user: `u${user}`, password: `pw-u${user}` }, onPost),
    archived: async () => Number((await chat.sql('SELECT count(*)::int AS posts FROM posts'))[0]?.posts),
    stop: pod.stop,
  };
}

interface Result {
  throughput: Throughput;
  took: number[];
}

const median = <T>(values: readonly T[], of: (value: T) => number): T =>
  [...values].sort((a, b) => of(a) - of(b))[values.length >> 1] as T;

/** In turn, after a round to warm up; the round in the middle of each. */
async function compete(contests: readonly Contest[]): Promise<Result[]> {
  const results = contests.map(() => ({ rates: [] as Throughput[], took: [] as number[][] }));
  for (const contest of contests) {
    await throughput(contest, WARM_EACH);
    await latency(contest, WARM_SECONDS);
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, contest] of contests.entries()) {
      results[at]?.rates.push(await throughput(contest, POSTS_EACH));
      results[at]?.took.push(await latency(contest, SECONDS));
    }
  for (const { server, posted } of contests) {
    const archived = await server.archived();
    if (archived !== posted) throw new Error(`${server.name} has archived ${archived} of ${posted} posts`);
  }
  return results.map(({ rates, took }) => ({
    throughput: median(rates, ({ perSecond }) => perSecond),
    took: median(took, (each) => percentile(each, 0.99)),
  }));
}

const rate = ({ perSecond, cost }: Throughput): string =>
  `${Math.round(perSecond).toLocaleString('en')}/s, ${cost.toFixed(2)} ms of processor each`;
const times = (took: readonly number[]): string =>
  `p50 ${percentile(took, 0.5).toFixed(1)} ms, p99 ${percentile(took, 0.99).toFixed(1)} ms`;

export async function measureAgainstProsody(): Promise<Row[]> {
  const chat = await createChatLab({ mix, passwords: true, databases: [PROSODY_DATABASE] });
  const servers: (RoomServer & { stop(): Promise<void> })[] = [];
  const contests: Contest[] = [];
  try {
    servers.push(await startOurs(chat));
    servers.push(await startProsody(chat, mix.users));
    for (const server of servers) contests.push(await enter(server));
    const [ours, theirs] = (await compete(contests)) as [Result, Result];
    const p99 = ({ took }: Result): number => percentile(took, 0.99);
    return [
      {
        what: 'chat-prosody: archived posts heard by all, 150 people in 10 rooms, each with one post under way',
        measured: rate(ours.throughput),
        baseline: `Prosody ${rate(theirs.throughput)}`,
        ratio: `${(ours.throughput.perSecond / theirs.throughput.perSecond).toFixed(2)}×`,
      },
      {
        what: `chat-prosody: a post to the last of 150 in one room, ${PER_SECOND} posts/s`,
        measured: times(ours.took),
        baseline: `Prosody ${times(theirs.took)}`,
        ratio: `p99 ${(p99(ours) / p99(theirs)).toFixed(2)}×`,
      },
    ];
  } finally {
    for (const { members } of contests) for (const member of members) member.close();
    for (const server of servers) await server.stop();
    await chat.close();
  }
}
