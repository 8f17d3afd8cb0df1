// How long a post takes to the last of a room's 150 members, and where the time goes: two pods in processes of their own, with
// compliance. The baseline is how long one row takes to be on PostgreSQL's disk at the same rate in the same run: nobody is told
// of a post before it is there.
import type { Row } from '../row.ts';
import { type Crowd, startCrowd } from './crowd.ts';
import { type Hearing, listen, percentile } from './hearing.ts';
import { type ChatLab, createChatLab } from './lab.ts';
import type { Mix } from './mix.ts';

const mix: Mix = { users: 150, kinds: [{ rooms: 1, size: 150 }] };
const PODS = 2;
const PER_SECOND = 200;
const SECONDS = 15;
const WARM_SECONDS = 5;
const ROUNDS = 3;
/** Of the rows alone, between two rounds. */
const ROW_SECONDS = 5;

const ms = (values: readonly number[]): string =>
  `p50 ${percentile(values, 0.5).toFixed(1)} ms, p99 ${percentile(values, 0.99).toFixed(1)} ms`;

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(1)}`;

async function round(pods: readonly Crowd[], label: string, seconds: number): Promise<Hearing> {
  const part = (at: number) => ({ at, of: pods.length });
  const sent = await Promise.all(
    pods.map((pod, at) =>
      pod.post({ mix, part: part(at), perSecond: PER_SECOND / pods.length, seconds, label }),
    ),
  );
  return listen(pods, sent.flat(), () => mix.users);
}

/** Milliseconds for each row, as many a second as there are posts. */
async function rows({ sql }: ChatLab): Promise<number[]> {
  await sql('CREATE TABLE IF NOT EXISTS bench_rows (at timestamptz NOT NULL DEFAULT now())');
  const took: number[] = [];
  const began = performance.now();
  const insert = async (): Promise<void> => {
    const at = performance.now();
    await sql('INSERT INTO bench_rows DEFAULT VALUES');
    took.push(performance.now() - at);
  };
  const answers: Promise<void>[] = [];
  for (let n = 0; n < PER_SECOND * ROW_SECONDS; n++) {
    const wait = began + (n * 1000) / PER_SECOND - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    answers.push(insert());
  }
  await Promise.all(answers);
  return took.sort((a, b) => a - b);
}

export async function measureRoomLatency(): Promise<Row[]> {
  const chat = await createChatLab({ mix });
  const pods: Crowd[] = [];
  try {
    for (let n = 0; n < PODS; n++) pods.push(await startCrowd((await chat.podConfig(`chat-${n}`)).file));
    for (const [at, pod] of pods.entries()) await pod.join({ mix, part: { at, of: PODS } });
    await round(pods, 'warm', WARM_SECONDS);
    const heard: Hearing[] = [];
    const alone: number[][] = [];
    for (let n = 0; n < ROUNDS; n++) {
      alone.push(await rows(chat));
      heard.push(await round(pods, `round ${n}`, SECONDS));
    }
    // The round in the middle, by its p99.
    const worst = (values: readonly number[]): number => percentile(values, 0.99);
    heard.sort((a, b) => worst(a.toLast) - worst(b.toLast));
    alone.sort((a, b) => worst(a) - worst(b));
    const { toLast, toStored } = heard[ROUNDS >> 1] as Hearing;
    const row = alone[ROUNDS >> 1] as number[];
    const wrong = heard.reduce((sum, each) => sum + each.wrong, 0);
    return [
      {
        what: `chat-latency: a post to the last of 150 members on two pods, ${PER_SECOND} posts/s${wrong > 0 ? `, ${wrong} NOT HEARD` : ''}`,
        measured: ms(toLast),
        baseline: `a row alone, stored: ${ms(row)}`,
        ratio: `p99 ${signed(worst(toLast) - worst(row))} ms`,
        bar: 'p99 < 50 ms',
      },
      { what: 'chat-latency: of that until its author knows that it is stored', measured: ms(toStored) },
    ];
  } finally {
    for (const pod of pods) await pod.kill();
    await chat.close();
  }
}
