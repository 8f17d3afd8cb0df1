// Pods with people in them, as processes that the bench asks for things.
import { join } from 'node:path';
import { endProcess, spawnGuarded } from '@linchpin/backends';
import type { Mix, Part } from './mix.ts';

/** How often a post was heard, and when for the last time: milliseconds of a clock that all processes share. */
export interface Heard {
  count: number;
  last: number;
}

export interface Sent {
  clientId: string;
  /** The number of its room in the mix. */
  room: number;
  at: number;
  /** When its author was told that it is stored. */
  stored: number;
}

export interface Memory {
  /** Bytes that are reachable: of JavaScript, and what belongs to them outside of its heap. */
  used: number;
  rss: number;
  /** Sessions that were ended against their will so far. */
  ended: number;
}

export interface Posting {
  mix: Mix;
  part: Part;
  perSecond: number;
  seconds: number;
  /** The beginning of the posts' ids. */
  label: string;
}

/** What a process can be asked for. */
export interface Tasks {
  /** Asks for every room once; milliseconds. */
  rooms(given: { mix: Mix }): Promise<number>;
  /** The people of this part join all their rooms, and stay. */
  join(given: { mix: Mix; part: Part }): Promise<{ sessions: number; seconds: number }>;
  memory(): Promise<Memory>;
  /** The longest time in milliseconds that the process was busy with one thing since it was asked this before. */
  busiest(): Promise<number>;
  /** Resolves when all of them are stored. */
  post(given: Posting): Promise<Sent[]>;
  /** By client id, since the process began. */
  heard(): Promise<[string, Heard][]>;
}

export interface Asked {
  id: number;
  task: keyof Tasks;
  given: unknown;
}

export interface Crowd extends Tasks {
  readonly pid: number;
  /** Milliseconds from its start until it was ready. */
  readonly startedIn: number;
  /** At once: nobody leaves their rooms. */
  kill(): Promise<void>;
}

interface Told {
  ready?: true;
  id: number;
  answer?: unknown;
  error?: string;
}

/** Resolves when the pod is ready to be asked; rejects when it ends before. */
export async function startCrowd(configFile: string): Promise<Crowd> {
  const began = performance.now();
  const main = join(import.meta.dirname, 'crowd-process.ts');
  const child = await spawnGuarded(process.execPath, ['--expose-gc', main, configFile], {
    // The bench's own output is a table.
    stdio: ['ignore', 2, 2, 'ipc'],
    deathSignal: 'SIGKILL',
  });
  const asked = new Map<number, PromiseWithResolvers<unknown>>();
  const ready = Promise.withResolvers<void>();
  let next = 1;
  child.child.on('message', (told: Told) => {
    if (told.ready) return ready.resolve();
    const waiting = asked.get(told.id);
    asked.delete(told.id);
    if (told.error === undefined) waiting?.resolve(told.answer);
    else waiting?.reject(new Error(told.error));
  });
  void child.exited.then(({ code, signal }) => {
    const gone = new Error(`a pod with people in it has ended (${signal ?? code})`);
    for (const each of [ready, ...asked.values()]) each.reject(gone);
  });

  const ask =
    <T extends keyof Tasks>(task: T) =>
    (given?: unknown): ReturnType<Tasks[T]> => {
      const id = next++;
      const answer = Promise.withResolvers<unknown>();
      asked.set(id, answer);
      child.child.send({ id, task, given } satisfies Asked);
      return answer.promise as ReturnType<Tasks[T]>;
    };

  await ready.promise;
  return {
    pid: child.pid,
    startedIn: performance.now() - began,
    rooms: ask('rooms'),
    join: ask('join'),
    memory: ask('memory'),
    busiest: ask('busiest'),
    post: ask('post'),
    heard: ask('heard'),
    kill: async () => void (await endProcess(child, 'SIGKILL', 0)),
  };
}
