// A pod of Persistent Chat with people in it: the whole role in a process of its own, and members without sockets who join, post
// and note what they hear. The bench asks for it over the process's channel; see crowd.ts.
import { readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLog, startRole } from '@linchpin/host';
import type { ChatEvent } from '@linchpin/proto/chat-events';
import {
  type Caller,
  ChatError,
  type Participation,
  type RoomListener,
} from '../../../services/persistent-chat/src/chat.ts';
import { persistentChatConfig } from '../../../services/persistent-chat/src/config.ts';
import { createRole, type PersistentChat } from '../../../services/persistent-chat/src/role.ts';
import type { Asked, Heard, Memory, Posting, Sent, Tasks } from './crowd.ts';
import { anyPlace, type Mix, type Part, placesOf, roomCount, roomId, userName } from './mix.ts';

/** People who are about to join at one time; pods store so many in one batch. */
const JOINING = 1_000;
const ASKING = 1_000;
const TRIES = 10;
/** How often it is looked whether something takes long. */
const DELAY_MS = 5;

/** Milliseconds of a clock that all processes of the machine share. */
const shift = Number(process.hrtime.bigint()) / 1e6 - performance.now();
const now = (): number => performance.now() + shift;

const config = persistentChatConfig.parse(JSON.parse(await readFile(process.argv[2] as string, 'utf8')));
const { name, role: kind } = config;
const log = createLog({ role: kind, name, level: config.log.level });
let role: PersistentChat | undefined;
const { host } = await startRole({
  role: kind,
  version: '0.0.0',
  config,
  async create(given, own) {
    role = await createRole(given, own);
    return role;
  },
  log,
});
const pod = role as PersistentChat;
const { chat } = pod;
while (pod.configVersion() < 1 || host.health.state !== 'ready') await pause(2);

const heard = new Map<string, Heard>();
const callers = new Map<number, { caller: Caller; listener: RoomListener }>();
const parts: Participation['part'][] = [];
let ended = 0;

function onEvents(events: readonly ChatEvent[]): void {
  const at = now();
  for (const event of events) {
    if (event.kind !== 'post') continue;
    const known = heard.get(event.clientId);
    if (known === undefined) heard.set(event.clientId, { count: 1, last: at });
    else {
      known.count += 1;
      known.last = at;
    }
  }
}

/** One connection of a person: the same for all rooms. */
function personOf(user: number) {
  const known = callers.get(user);
  if (known !== undefined) return known;
  const onEnded = (): void => {
    ended += 1;
  };
  const made = { caller: { name: userName(user) }, listener: { onEvents, onEnded } };
  callers.set(user, made);
  return made;
}

/** Asks for every room once, as an administrator does. */
async function rooms({ mix }: { mix: Mix }): Promise<number> {
  const began = now();
  const count = roomCount(mix);
  let next = 0;
  const ask = async (): Promise<void> => {
    while (next < count) await chat.room({ name: 'bench', admin: true }, roomId(next++));
  };
  await Promise.all(Array.from({ length: ASKING }, ask));
  return now() - began;
}

async function join({ mix, part }: { mix: Mix; part: Part }): Promise<{ sessions: number; seconds: number }> {
  const began = now();
  const ids = Array.from({ length: roomCount(mix) }, (_, n) => roomId(n));
  const places = placesOf(mix, part);
  const one = async (): Promise<void> => {
    for (let next = places.next(); !next.done; next = places.next()) {
      const { caller, listener } = personOf(next.value.user);
      const id = ids[next.value.room] as string;
      parts.push((await insist(() => chat.join(caller, id, listener))).part);
    }
  };
  await Promise.all(Array.from({ length: JOINING }, one));
  return { sessions: parts.length, seconds: (now() - began) / 1000 };
}

/** As every client does when it is told to try again. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = TRIES; ; left--) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0 || !(error instanceof ChatError) || error.retryAfter === undefined) throw error;
      await pause(error.retryAfter * 1000);
    }
  }
}

async function memory(): Promise<Memory> {
  // What was thrown away a moment ago may hold something with a finalizer, which goes with the next collection.
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc?.();
    await pause(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, rss, ended };
}

const delay = monitorEventLoopDelay({ resolution: DELAY_MS });
delay.enable();

async function busiest(): Promise<number> {
  // Of waiting for its next turn that is what it waits anyway.
  const longest = delay.max / 1e6 - DELAY_MS;
  delay.reset();
  return Math.max(0, longest);
}

/** Steadily, whatever the answers: a slow one delays none that follow. */
async function post({ mix, part, perSecond, seconds, label }: Posting): Promise<Sent[]> {
  const random = randomFrom(part.at + 1);
  const began = now();
  const posts = Array.from({ length: perSecond * seconds }, (_, n) => async (): Promise<Sent> => {
    const { room, user } = anyPlace(mix, part, random);
    const clientId = `${label}-${part.at}-${n}`;
    await pause(began + (n * 1000) / perSecond - now());
    const at = now();
    const { caller } = personOf(user);
    await insist(() => chat.post(caller, roomId(room), { clientId, body: `${body}${clientId}` }));
    return { clientId, room, at, stored: now() };
  });
  return Promise.all(posts.map((send) => send()));
}
const body =
  'Shall we meet at ten to look at the figures of the third quarter? I have put them into the folder. ';

/** The same ones in each run (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}

const tasks: Tasks = {
  rooms,
  join,
  memory,
  busiest,
  post,
  heard: async () => [...heard],
};

process.on('message', ({ id, task, given }: Asked) => {
  (tasks[task] as (given: unknown) => Promise<unknown>)(given).then(
    (answer) => process.send?.({ id, answer }),
    (error) => process.send?.({ id, error: error instanceof Error ? error.stack : String(error) }),
  );
});
process.send?.({ ready: true });
