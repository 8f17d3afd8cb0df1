import type { Lab } from '../lab.ts';
import { assert, type Row } from '../scenario.ts';

const MEMBERS = ['alice', 'bob'];
const PODS = 2;
const POSTS = 10;
/** Milliseconds after which a post has to be taken again. */
const TAKEN_AGAIN = 15_000;

/** People write in a room while each pod of Persistent Chat is killed; then the room and the compliance store are read. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  const room = await makeRoom(lab);
  const acknowledged: string[] = [];
  for (let turn = 0; turn < PODS; turn++) {
    const victim = `linchpin-persistent-chat-${turn}`;
    let longest = 0;
    for (let at = 0; at < POSTS; at++) {
      if (at === 2) await lab.kube.kill(victim);
      const body = `post ${turn} ${at}`;
      longest = Math.max(longest, await post(lab, room, body));
      acknowledged.push(body);
    }
    const took = await lab.kube.settled('persistent-chat', PODS);
    note({
      step: `kill -9 of ${victim} while people write`,
      ok: longest < TAKEN_AGAIN,
      measured: `${POSTS} posts, the slowest ${(longest / 1000).toFixed(1)} s; all ready ${(took / 1000).toFixed(1)} s after the last`,
    });
  }
  note(await inTheRoom(lab, room, acknowledged));
  note(await onRecord(lab, room, acknowledged.length));
}

async function makeRoom(lab: Lab): Promise<string> {
  const name = `Kills ${crypto.randomUUID().slice(0, 8)}`;
  // It may be there from the run before.
  await lab.cli('create', 'persistentchatpolicy', 'Rooms', 'enabled=true').catch(() => undefined);
  for (const member of MEMBERS) await lab.cli('set', 'user', member, 'policies.persistentChat=Rooms');
  await lab.cli('create', 'category', `Of ${name}`, `allowed=domain:${lab.domain}`);
  await lab.cli('create', 'room', name, `category=Of ${name}`, `members=${MEMBERS.join(',')}`);
  return name;
}

/** As a client does: the same post again until it is acknowledged; resolves with the milliseconds that took. */
async function post(lab: Lab, room: string, body: string): Promise<number> {
  const id = crypto.randomUUID();
  const begun = performance.now();
  for (;;) {
    const made = await lab
      .cli('post', room, body, '--as', 'alice', '--client-id', id)
      .then(() => true)
      .catch(() => false);
    const took = performance.now() - begun;
    if (made) return took;
    assert(took < 4 * TAKEN_AGAIN, `"${body}" is not taken`);
  }
}

async function inTheRoom(lab: Lab, room: string, acknowledged: string[]): Promise<Row> {
  const history = JSON.parse(await lab.cli('history', room, '--limit', '100', '-o', 'json'));
  const bodies = history.map((each: { body: string }) => each.body);
  return {
    step: 'the room has each post once, in the order of their acknowledgement',
    ok: bodies.join() === acknowledged.join(),
    measured: `${acknowledged.length} acknowledged, ${bodies.length} there, ${new Set(bodies).size} different`,
  };
}

async function onRecord(lab: Lab, room: string, posts: number): Promise<Row> {
  const query = [
    'compliance',
    'query',
    '--room',
    room,
    '--kind',
    'post',
    '--reason',
    'scenario',
    '-o',
    'json',
  ];
  const begun = performance.now();
  const found = await lab.kube.until(
    'every post is on record',
    async () => {
      const events = JSON.parse(await lab.cli(...query)) as unknown[];
      return events.length >= posts && events;
    },
    30_000,
  );
  const verified = await lab.cli('compliance', 'verify', room, '--reason', 'scenario');
  return {
    step: 'the compliance store has each post once, in a chain that is whole',
    ok: found.length === posts && / whole /.test(verified),
    measured: `${found.length} posts after ${((performance.now() - begun) / 1000).toFixed(1)} s`,
  };
}
