// Several Front Ends' fabrics on one real nats-server.
import { groupBucket } from '@linchpin/proto/subjects';
import { createLab, type Lab } from '@linchpin/testkit';
import { GROUPS } from '@linchpin/topology';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  areSettled,
  groupOfUser,
  POOL,
  type Pod,
  type PodOptions,
  startPod,
  until,
  userKey,
} from './fabric-harness.ts';

const users = Array.from({ length: 200 }, (_, at) => `user${at}`);
let lab: Lab;
let pods: Pod[];

beforeEach(async () => {
  lab = await createLab();
  pods = [];
});
afterEach(async () => {
  await Promise.all(pods.map((pod) => pod.stop()));
  await lab.close();
});

async function start(name: string, options?: PodOptions): Promise<Pod> {
  const pod = await startPod(lab, name, options);
  pods.push(pod);
  return pod;
}

/** The pods that live serve everybody, each as it is meant to. */
async function settled(...live: Pod[]): Promise<Pod[]> {
  await until(() => areSettled(live));
  return live;
}

async function startPool(...names: string[]): Promise<Pod[]> {
  const started: Pod[] = [];
  for (const name of names) started.push(await start(name));
  return settled(...started);
}

const serving = (user: string, of: Pod[] = pods): Pod[] => of.filter((pod) => pod.serves(user));
/** Who is served by nobody, by two, or with something else than this. */
const wrong = (of: Pod[], expected = (user: string): unknown => ({ user })) =>
  users.filter((user) => {
    const values = serving(user, of).map((pod) => pod.get(user));
    return JSON.stringify(values) !== JSON.stringify([expected(user)]);
  });
const fill = () => Promise.all(users.map((user) => serving(user)[0]?.put(user, { user })));
/** All have read all: a copy looks four times a second whether a stream was made. */
const areEven = (of: Pod[]) => {
  const [first, ...others] = of.map(({ fabric }) =>
    fabric.describe().groups.map(({ lastSequence }) => lastSequence),
  );
  return others.every((other) => `${other}` === `${first}`);
};
/** How many keys are in the streams of the groups that the pod serves. */
const stored = ({ fabric }: Pod): number =>
  fabric
    .describe()
    .groups.flatMap(({ group }) => [...fabric.entriesOfGroup(group)])
    .filter(({ revision }) => revision > 0).length;
/** Which groups capabilities believe to be served where is what is. */
const areTold = (of: Pod[]) => of.every((pod) => [...pod.taken].sort().join() === pod.owned().sort().join());

describe('a pod', () => {
  test('alone serves everybody, and finds after a restart what it has stored', async () => {
    const [first] = await startPool('fe-0');
    await fill();
    await first?.put('gone', 1);
    await first?.fabric.state.delete(userKey('gone'));
    await first?.stop();
    const [again] = await startPool('fe-0');
    expect(wrong([again as Pod])).toEqual([]);
    expect(again?.get('gone')).toBeUndefined();
    expect([...(again?.fabric.state.entries('bindings.') ?? [])]).toHaveLength(users.length);
    const inGroups = Array.from({ length: GROUPS }, (_, group) => [
      ...(again?.fabric.state.entriesOf(group, 'bindings') ?? []),
    ]);
    expect(inGroups[groupOfUser('user7')]).toContainEqual([userKey('user7'), { user: 'user7' }]);
    expect(inGroups.flat()).toHaveLength(users.length);
  });

  test('that joins gets its share, and gives it back when it drains', async () => {
    const [one] = await startPool('fe-0');
    await fill();
    const two = await start('fe-1');
    await settled(one as Pod, two);
    expect([one?.owned().length, two.owned().length]).toEqual([16, 16]);
    expect([wrong(pods), areTold(pods)]).toEqual([[], true]);
    await two.fabric.handAllOver();
    expect([two.owned(), two.taken.size]).toEqual([[], 0]);
    await until(() => one?.owned().length === GROUPS);
    expect(wrong(pods)).toEqual([]);
    await expect(two.put('user1', 2)).rejects.toThrow('not served here');
  });

  test('that drains and is alone keeps what it has', async () => {
    const [one] = await startPool('fe-0');
    await one?.fabric.handAllOver();
    expect(one?.owned()).toHaveLength(GROUPS);
  });
});

describe('three pods', () => {
  test('settle, and everything is served once, with two copies', async () => {
    const three = await startPool('fe-0', 'fe-1', 'fe-2');
    const counts = three.map((pod) => pod.owned().length);
    expect(Math.max(...counts)).toBeLessThanOrEqual(11);
    const { groups, quorum } = (three[0] as Pod).fabric.describe();
    expect(groups.map(({ warm }) => warm.length)).toEqual(groups.map(() => 2));
    expect(quorum).toBe('32 of 32 routing groups are served');
    for (const user of users) {
      const [owner] = serving(user);
      expect(three.map((pod) => pod.fabric.ownerOf(`sip:${user}@contoso.lab`))).toEqual(
        three.map(() => owner?.name),
      );
    }
  });

  test('go on when one dies, with all that was acknowledged', async () => {
    const [one, two, three] = (await startPool('fe-0', 'fe-1', 'fe-2')) as [Pod, Pod, Pod];
    await fill();
    await two.kill();
    await settled(one, three);
    expect([wrong([one, three]), areTold([one, three])]).toEqual([[], true]);
    expect(serving('user1', [two])).toEqual([]);
    await Promise.all(users.map((user) => serving(user, [one, three])[0]?.put(user, 'later')));
  });

  test('have their groups back at once when one of them starts anew under its name', async () => {
    const [one, two, three] = (await startPool('fe-0', 'fe-1', 'fe-2')) as [Pod, Pod, Pod];
    await fill();
    await two.stop();
    const again = await start('fe-1');
    await settled(one, again, three);
    expect(wrong([one, again, three])).toEqual([]);
  });
});

describe('an owner that cannot be heard', () => {
  test('serves nothing, writes nothing, and does not harm what others wrote meanwhile', async () => {
    const [one, two] = (await startPool('fe-0', 'fe-1')) as [Pod, Pod];
    await fill();
    const mine = users.filter((user) => two.serves(user));
    const [first] = mine as [string];
    two.cut();
    const late = two.put(first, 'from a pod that is cut off').catch((error: Error) => error.name);
    await until(() => !two.serves(first));
    await until(() => one.owned().length === GROUPS);
    await Promise.all(mine.map((user) => one.put(user, 'from its successor')));
    expect(mine.filter((user) => two.serves(user))).toEqual([]);
    two.mend();
    expect(await late).toBe('StateUnavailable');
    await settled(one, two);
    const expected = (user: string) => (mine.includes(user) ? 'from its successor' : { user });
    expect(wrong(pods, expected)).toEqual([]);
    expect(areTold(pods)).toBe(true);
  });

  test('goes on where nobody took over, and nobody is told', async () => {
    const [one] = (await startPool('fe-0')) as [Pod];
    await fill();
    const before = one.fabric.describe().groups.map(({ term }) => term);
    one.fabric.onReleased(() => expect.fail('nothing was released'));
    await lab.stopNats();
    await until(() => !one.fabric.describe().lease.held);
    // What is known goes on being served, since nobody else could do so.
    expect(wrong([one])).toEqual([]);
    await expect(one.put('user1', 'lost')).rejects.toThrow();
    expect(one.get('user1')).toEqual({ user: 'user1' });
    await lab.startNats();
    await until(() => one.fabric.describe().lease.held && areSettled([one]));
    await one.put('user1', 'stored');
    const after = one.fabric.describe().groups.map(({ term }) => term);
    expect(after.every((term, at) => term > (before[at] ?? 0))).toBe(true);
  });
});

describe('a write that is under way while NATS restarts', () => {
  test('is stored when it is back', async () => {
    const [one] = (await startPool('fe-0')) as [Pod];
    await lab.stopNats();
    const written = Promise.all(users.map((user) => one.put(user, { user })));
    await lab.startNats();
    await written;
    expect(wrong([one])).toEqual([]);
  });
});

describe('streams that are lost', () => {
  async function loseAll(): Promise<void> {
    const connection = await (await lab.natsLink('admin')).connection();
    for (let group = 0; group < GROUPS; group++)
      await connection.request(`$JS.API.STREAM.DELETE.KV_${groupBucket(POOL, group)}`);
  }

  test('are filled again by their owners', async () => {
    const [one, two] = (await startPool('fe-0', 'fe-1')) as [Pod, Pod];
    await fill();
    await until(() => areEven([one, two]));
    await loseAll();
    // Each owner notices with its next write.
    await Promise.all(users.map((user) => serving(`${user}-x`)[0]?.put(`${user}-x`, 1)));
    await until(() =>
      one.fabric.describe().groups.every(({ here }) => here === 'serving' || here === 'warm'),
    );
    await two.kill();
    await settled(one);
    expect(wrong([one])).toEqual([]);
  });

  test('are filled by a successor with its copy, when the owner died with them', async () => {
    const [one, two] = (await startPool('fe-0', 'fe-1')) as [Pod, Pod];
    await fill();
    await until(() => areEven([one, two]));
    await Promise.all([two.kill(), loseAll()]);
    // Those that the survivor owned itself it notices when it writes.
    await until(() => one.owned().length === GROUPS);
    expect(wrong([one])).toEqual([]);
    await Promise.all(users.map((user) => one.put(`${user}-x`, 1)));
    await one.stop();
    const again = await start('fe-0');
    await settled(again);
    expect(wrong([again])).toEqual([]);
  });

  test('come back from the copy elsewhere, when nobody has them in memory', async () => {
    const [one] = (await startPool('fe-0')) as [Pod];
    await fill();
    await one.stop();
    await loseAll();
    const restored: number[] = [];
    const backup = {
      take() {},
      release() {},
      stored() {},
      async restore(group: number) {
        restored.push(group);
        const theirs = users.filter((user) => groupOfUser(user) === group);
        return theirs.map((user) => ({ key: userKey(user), text: JSON.stringify({ user }) }));
      },
    };
    const again = await start('fe-0', { backup });
    await settled(again);
    expect(wrong([again])).toEqual([]);
    expect(restored).toHaveLength(GROUPS);
    await until(() => stored(again) === users.length);
    await again.stop();
    const third = await start('fe-0');
    await settled(third);
    expect(wrong([third])).toEqual([]);
  });
});

test('whatever joins, leaves and dies, nothing acknowledged is lost', { timeout: 120_000 }, async () => {
  const random = seeded(Number(process.env.SEED ?? Date.now() % 1_000_000));
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const live = await startPool('fe-0', 'fe-1', 'fe-2');
  const acknowledged = new Map<string, number>();
  const attempted = new Map<string, number>();
  let stopping = false;

  async function write(user: string): Promise<void> {
    for (let value = 1; !stopping; value++) {
      const [owner, second] = serving(user, live);
      // Two never serve the same user.
      if (second) throw new Error(`${owner?.name} and ${second.name} both serve ${user}`);
      attempted.set(user, value);
      const isStored = await owner?.put(user, value).then(
        () => true,
        () => false,
      );
      if (isStored) acknowledged.set(user, value);
      await new Promise((resolve) => setTimeout(resolve, 5 + random() * 20));
    }
  }

  const writers = users.slice(0, 60).map(write);
  let born = 3;
  for (let round = 0; round < 8; round++) {
    const kind =
      live.length < 2 ? 'join' : live.length > 4 ? 'die' : pick(['join', 'die', 'drain', 'restart']);
    const victim = pick(live);
    if (kind !== 'join') live.splice(live.indexOf(victim), 1);
    if (kind === 'die') await victim.kill();
    if (kind === 'drain') await victim.fabric.handAllOver();
    if (kind === 'drain' || kind === 'restart') await victim.stop();
    if (kind === 'join' || kind === 'restart')
      live.push(await start(kind === 'restart' ? victim.name : `fe-${born++}`));
    await new Promise((resolve) => setTimeout(resolve, random() * 1500));
  }
  await settled(...live);
  stopping = true;
  await Promise.all(writers);
  for (const user of users.slice(0, 60)) {
    const found = serving(user, live)[0]?.get(user) as number;
    expect(found, user).toBeGreaterThanOrEqual(acknowledged.get(user) ?? 0);
    expect(found, user).toBeLessThanOrEqual(attempted.get(user) ?? 0);
  }
  expect(acknowledged.size).toBe(60);
  expect(areTold(live)).toBe(true);
});

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
