import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Pod, Pods } from '../pods.ts';
import { alice, bob, caller, createTwoPods, people, saying, type TwoPods } from './rig.ts';

let rig: TwoPods;
let pods: Pods;
let one: Pod;
let two: Pod;

beforeAll(async () => {
  rig = await createTwoPods();
  ({ pods, one, two } = rig);
});
afterAll(() => rig.close());

test('a member who is removed posts no more, whatever this pod remembers', async () => {
  const room = await pods.room('removal', people);
  await one.messages.post(bob, room, saying('still here'));
  let removed = false;
  let stop = false;
  const after: string[] = [];
  const poster = async (pod: Pod) => {
    for (let turn = 0; !stop; turn++) {
      const late = removed;
      await pod.messages.post(bob, room, saying(`turn ${turn}`)).then(
        () => late && after.push(`turn ${turn}`),
        (error) => expect(error.code).toBe('forbidden'),
      );
    }
  };
  const posters = [poster(one), poster(two)];
  for (let turn = 0; turn < 20; turn++) await one.messages.post(alice, room, saying('alice'));
  await pods.removeMember(two, room, bob.name);
  removed = true;
  for (let turn = 0; turn < 20; turn++) await one.messages.post(alice, room, saying('alice'));
  stop = true;
  await Promise.all(posters);
  expect(after).toEqual([]);
  // Not one of his is behind the event that removed him.
  const events = await pods.sql(
    `SELECT count(*)::int AS late FROM posts WHERE room = $1 AND author = $2 AND seq >
     (SELECT missing FROM generate_series(1, (SELECT max(seq) FROM posts WHERE room = $1)) AS missing
      WHERE NOT EXISTS (SELECT 1 FROM posts WHERE room = $1 AND seq = missing))`,
    [room, bob.name],
  );
  expect(events[0].late).toBe(0);
});

test('limits are those of the configuration', async () => {
  const room = await pods.room('limits', people);
  const eve = caller('alice');
  pods.limits.postsPerSecondPerUser = 2;
  try {
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, turn) => one.messages.post(eve, room, saying(`${turn}`))),
    );
    const refused = all
      .filter(({ status }) => status === 'rejected')
      .map((each) => (each as PromiseRejectedResult).reason);
    expect(refused.length).toBeGreaterThanOrEqual(3);
    for (const error of refused) expect(error).toMatchObject({ code: 'limit', retryAfter: 1 });
  } finally {
    pods.limits.postsPerSecondPerUser = 1000;
  }
});

test('where compliance is required nobody posts without it', async () => {
  const room = await pods.room('strict', people, { complianceRequired: true });
  const lax = await pods.room('lax', people);
  pods.compliance = false;
  try {
    const all = await Promise.allSettled([
      one.messages.post(alice, room, saying('no')),
      one.messages.post(alice, lax, saying('yes')),
    ]);
    expect(all[0]).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    expect(all[1]).toMatchObject({ status: 'fulfilled' });
  } finally {
    pods.compliance = true;
  }
  await one.messages.post(alice, room, saying('yes'));
});

test('in an auditorium only presenters and managers post', async () => {
  const room = await pods.room('auditorium', people, { kind: 'auditorium', managers: ['mia@contoso.lab'] });
  await expect(one.messages.post(alice, room, saying('no'))).rejects.toMatchObject({ code: 'forbidden' });
  await one.messages.post(caller('mia'), room, saying('yes'));
});
