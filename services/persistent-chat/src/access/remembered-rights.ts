// Rights of users in places, remembered for as long as the place's version and the user's principals are the same.
import type { PoolClient } from 'pg';
import type { Principal } from '../chat.ts';
import type { Database } from '../database/database.ts';
import { createBounded } from './bounded.ts';
import { gather } from './gather.ts';
import type { Wanted } from './store.ts';

/** A user at a place (room or category) of a version. */
export interface Question extends Wanted {
  user: string;
  version: number;
}

export interface RememberedRights<T> {
  /** What is remembered, if it still holds. */
  get(question: Question): T | undefined;
  /** From memory, or the database. */
  find(question: Question): Promise<T>;
  /** The same inside a transaction that has not changed the place. */
  findIn(client: PoolClient, question: Question): Promise<T>;
  /** Of many at once, in their order. */
  findAll(client: PoolClient, questions: readonly Question[]): Promise<T[]>;
}

export type Load<T> = (client: PoolClient, wanted: readonly Wanted[]) => Promise<(wanted: Wanted) => T>;

export function rememberRights<T>(database: Database, load: Load<T>, max: number): RememberedRights<T> {
  const known = createBounded<{ version: number; principals: readonly Principal[]; value: T }>(max);
  const idOf = ({ user, place }: Question) => `${user} ${place}`;

  function get(question: Question): T | undefined {
    const found = known.get(idOf(question));
    const holds = found?.version === question.version && found.principals === question.principals;
    return holds ? found.value : undefined;
  }

  // The rows may be newer than the version that they are remembered by: then the next question has a newer one, and asks again.
  function remember(question: Question, value: T): T {
    const { version, principals } = question;
    known.set(idOf(question), { version, principals, value });
    return value;
  }

  const ask = gather<Question, T>(
    async (questions) => {
      const answerTo = await database.use((client) => load(client, questions));
      return (question) => remember(question, answerTo(question));
    },
    (question) => `${question.version} ${idOf(question)}`,
  );

  async function findAll(client: PoolClient, questions: readonly Question[]): Promise<T[]> {
    const found = questions.map(get);
    const missing = questions.filter((_, at) => found[at] === undefined);
    if (missing.length === 0) return found as T[];
    // Rooms of one category ask the same of it.
    const once = [...new Map(missing.map((question) => [idOf(question), question])).values()];
    const answerTo = await load(client, once);
    return questions.map((question, at) => found[at] ?? remember(question, answerTo(question)));
  }

  return {
    get,
    find: async (question) => get(question) ?? ask(question),
    findIn: async (client, question) => (await findAll(client, [question]))[0] as T,
    findAll,
  };
}
