import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FrontEnd, startFrontEnd } from './front-end.ts';

let frontEnd: FrontEnd;

beforeAll(async () => {
  frontEnd = await startFrontEnd({ users: ['alice', 'bob'] });
});
afterAll(() => frontEnd.close());

describe('registration', () => {
  test('a user signs in over UDP', async () => {
    const alice = await frontEnd.phone('alice');
    const response = await alice.register();
    expect(response.status).toBe(200);
    expect(response.get('contact')).toContain(alice.contact);
  });
});
