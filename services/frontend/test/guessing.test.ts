import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';

let frontEnd: FrontEnd;

beforeAll(async () => {
  const [sourceFailures, accountFailures] = [6, 3].map((burst) => ({ perSecond: 0.001, burst }));
  frontEnd = await startFrontEnd({
    users: ['alice', 'bob', 'carol', 'dave'],
    config: { limits: { sourceFailures, accountFailures } },
  });
});
afterAll(() => frontEnd?.close());

const guess = async (user: string, password: string): Promise<number> => {
  const phone = await frontEnd.phone(user, { transport: 'tcp', password });
  return (await phone.register()).status;
};
const statuses = async (times: number, user: string): Promise<number[]> => {
  const got: number[] = [];
  for (let time = 0; time < times; time++) got.push(await guess(user, `guess ${time}`));
  return got;
};

test('a password is not guessed at inside either, and who has signed in there goes on', async () => {
  expect(await guess('carol', 'pw-carol')).toBe(200);
  expect(await statuses(3, 'alice')).toEqual([403, 403, 403]);
  // The right one is not even looked at, and may come again.
  expect(await guess('alice', 'pw-alice')).toBe(503);
  expect(await statuses(3, 'bob')).toEqual([403, 403, 403]);
  // Now the source has had its tries, for whomever.
  expect(await guess('dave', 'pw-dave')).toBe(503);
  expect(await guess('carol', 'pw-carol')).toBe(200);
});
