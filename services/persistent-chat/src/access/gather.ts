/** Asked of the database at once, at most. */
const MAX_QUESTIONS = 1_000;

interface Asked<Q, V> {
  question: Q;
  callers: { resolve(value: V): void; reject(error: unknown): void }[];
}

/**
 * Asks for many at once what is asked for one by one: while an answer is awaited, questions gather for the next one. So an
 * answer is never older than its question, and under load a question costs a part of a query. `idOf`: what makes two
 * questions the same.
 */
export function gather<Q, V>(
  load: (questions: readonly Q[]) => Promise<(question: Q) => V>,
  idOf: (question: Q) => string,
): (question: Q) => Promise<V> {
  let waiting = new Map<string, Asked<Q, V>>();
  let underWay = false;

  function take(): Asked<Q, V>[] {
    const all = [...waiting];
    waiting = new Map(all.slice(MAX_QUESTIONS));
    return all.slice(0, MAX_QUESTIONS).map(([, asked]) => asked);
  }

  async function answer(all: readonly Asked<Q, V>[]): Promise<void> {
    try {
      const answerTo = await load(all.map(({ question }) => question));
      for (const { question, callers } of all) {
        const value = answerTo(question);
        for (const { resolve } of callers) resolve(value);
      }
    } catch (error) {
      for (const { callers } of all) for (const { reject } of callers) reject(error);
    }
  }

  async function run(): Promise<void> {
    if (underWay) return;
    underWay = true;
    while (waiting.size > 0) await answer(take());
    underWay = false;
  }

  return (question) =>
    new Promise((resolve, reject) => {
      const id = idOf(question);
      const asked = waiting.get(id);
      if (asked) asked.callers.push({ resolve, reject });
      else waiting.set(id, { question, callers: [{ resolve, reject }] });
      queueMicrotask(() => void run());
    });
}
