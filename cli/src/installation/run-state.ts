import { readFile, rm } from 'node:fs/promises';
import { replaceFile } from './files.ts';
import type { Home } from './home.ts';

/** What the supervisor tells other commands; it counts only while the home is locked. */
export interface RunState {
  pid: number;
  /** RFC 3339. */
  startedAt: string;
  state: 'starting' | 'ready' | 'stopping';
  /** The processes it keeps, by name. */
  pids: Record<string, number>;
}

export async function readRunState(home: Home): Promise<RunState | undefined> {
  try {
    return JSON.parse(await readFile(home.runState, 'utf8')) as RunState;
  } catch {
    return undefined;
  }
}

const writeRunState = (home: Home, state: RunState): Promise<void> =>
  replaceFile(home.runState, `${JSON.stringify(state)}\n`, 0o644);

/** Its absence says that the last run ended cleanly. */
const removeRunState = (home: Home): Promise<void> => rm(home.runState, { force: true });

/** Keeps the file in step with the supervisor. */
export class RunRecord {
  readonly #home: Home;
  #state: RunState = { pid: process.pid, startedAt: new Date().toISOString(), state: 'starting', pids: {} };
  #written: Promise<void> = Promise.resolve();

  constructor(home: Home) {
    this.#home = home;
    this.update({});
  }

  update(change: Partial<Pick<RunState, 'state' | 'pids'>>): void {
    this.#state = { ...this.#state, ...change };
    const state = this.#state;
    // A full disk makes `status` stale, nothing worse.
    this.#written = this.#written.then(() => writeRunState(this.#home, state)).catch(() => {});
  }

  async remove(): Promise<void> {
    await this.#written;
    await removeRunState(this.#home);
  }
}
