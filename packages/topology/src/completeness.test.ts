import { describe, expect, it } from 'vitest';
import { createCompleteness } from './completeness.ts';

/** `answer` settles the oldest question. */
function start() {
  const questions: ((sequence: number) => void)[] = [];
  let decided = 0;
  const completeness = createCompleteness(
    () => new Promise((resolve) => questions.push(resolve)),
    () => {
      decided += 1;
    },
    () => {},
  );
  const answer = async (sequence: number) => {
    questions.shift()?.(sequence);
    await Promise.resolve();
  };
  return { completeness, answer, questions, decided: () => decided };
}

describe('completeness', () => {
  it('is reached with the entry that was last when the watch began', async () => {
    const { completeness, answer, decided } = start();
    await answer(9);
    completeness.saw(2);
    expect(completeness.whole).toBe(false);
    completeness.saw(9);
    expect(completeness.whole).toBe(true);
    completeness.saw(10);
    expect(completeness.whole).toBe(true);
    expect(decided()).toBe(0);
  });

  it('is decided by the answer when the entry came before it', async () => {
    const { completeness, answer, decided } = start();
    completeness.saw(9);
    expect(completeness.whole).toBe(false);
    await answer(9);
    expect(completeness.whole).toBe(true);
    expect(decided()).toBe(1);
  });

  it('holds for an empty bucket', async () => {
    const { completeness, answer } = start();
    await answer(0);
    expect(completeness.whole).toBe(true);
  });

  it('asks again when the last entry was overwritten before it came', async () => {
    const { completeness, answer, questions } = start();
    await answer(9);
    completeness.saw(11);
    expect(completeness.whole).toBe(false);
    expect(questions).toHaveLength(1);
    await answer(11);
    expect(completeness.whole).toBe(true);
  });

  it('is lost with a gap', async () => {
    const { completeness, answer } = start();
    await answer(1);
    completeness.saw(1);
    completeness.saw(3);
    expect(completeness.whole).toBe(false);
    await answer(5);
    completeness.saw(4);
    expect(completeness.whole).toBe(false);
    completeness.saw(5);
    expect(completeness.whole).toBe(true);
  });

  it('asks again when entries have overtaken the answer', async () => {
    const { completeness, answer, questions } = start();
    completeness.saw(9);
    completeness.saw(12);
    await answer(10);
    expect(completeness.whole).toBe(false);
    expect(questions).toHaveLength(1);
    await answer(12);
    expect(completeness.whole).toBe(true);
  });
});
