import { LAB_DOMAIN } from '@linchpin/testkit';
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

test('an answer to a nonce that was made up counts against nobody: it may come from anywhere', async () => {
  const phone = await frontEnd.phone('carol');
  const madeUp = `Digest username="carol", realm="${LAB_DOMAIN}", nonce="${'A'.repeat(44)}", uri="sip:${LAB_DOMAIN}", response="${'0'.repeat(64)}", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="c"`;
  for (let time = 0; time < 8; time++) {
    const headers: [string, string][] = [['Authorization', madeUp]];
    const answer = await phone.exchange(phone.build('REGISTER', `sip:${LAB_DOMAIN}`, { headers }));
    expect([answer.status, answer.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('stale=true'),
    ]);
  }
  expect((await phone.register()).status).toBe(200);
});

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
