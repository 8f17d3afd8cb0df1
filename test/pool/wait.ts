export const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until the answer is right; rejects with the last one. */
export async function expectSoon<T>(
  ask: () => T | Promise<T>,
  isRight: (answer: T) => boolean,
  milliseconds: number,
): Promise<T> {
  for (const until = performance.now() + milliseconds; ; await wait(20)) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > until)
      throw new Error(`after ${milliseconds} ms it is still ${JSON.stringify(answer)}`);
  }
}
