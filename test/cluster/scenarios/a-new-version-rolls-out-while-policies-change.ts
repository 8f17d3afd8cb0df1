import { createUserAgent } from '../../peers/ua.ts';
import { load as loadImages, ROLES, tagRoles } from '../images.ts';
import type { Lab } from '../lab.ts';
import { PORTS } from '../ports.ts';
import { assert, type Row } from '../scenario.ts';
import { passwordOf } from '../users.ts';

/** Every pod of every role is replaced, with people at work and an administrator who changes what holds for them. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  const next = `${lab.tag}-next`;
  await tagRoles(lab.tag, next);
  await loadImages(ROLES.map((role) => `linchpin/${role}:${next}`));
  const [watched = ''] = await lab.users('watched', 1);
  await lab.underLoad({}, async (load) => {
    const rollOut =
      (tag: string, set: string[] = []) =>
      async (): Promise<string> => {
        const begun = performance.now();
        const changes: number[] = [];
        let rolling = true;
        const upgrade = lab.upgrade({ tag, set, minutes: 10 }).finally(() => {
          rolling = false;
        });
        while (rolling) changes.push(await changePolicy(lab, watched));
        await upgrade;
        const slowest = Math.round(Math.max(...changes));
        const took = Math.round((performance.now() - begun) / 1000);
        return `${took} s; ${changes.length} changes of policy meanwhile, seen live after ${slowest} ms at most`;
      };
    note(await load.during('helm upgrade to another image tag', rollOut(next)));
    const values = ['frontend.config.limits.bodyBytes=65536', 'edge.drainSeconds=15', 'director.replicas=3'];
    note(await load.during('helm upgrade with changed values', rollOut(next, values)));
    note(await load.during('back to the first tag and values', rollOut(lab.tag)));
  });
}

/** Resolves with the milliseconds from the command's end until a client sees the change. */
async function changePolicy(lab: Lab, user: string): Promise<number> {
  await lab.cli('set', 'user', user, 'enabled=false');
  const seen = await untilRegisterGives(user, 403);
  await lab.cli('set', 'user', user, 'enabled=true');
  return Math.max(seen, await untilRegisterGives(user, 200));
}

async function untilRegisterGives(user: string, status: number): Promise<number> {
  const begun = performance.now();
  for (let last: unknown; ; ) {
    const agent = await createUserAgent(user, passwordOf(user), { tcp: PORTS.sip }).catch(() => undefined);
    last = (await agent?.register().catch((error: Error) => error.message)) ?? 'no connection';
    agent?.close();
    if (typeof last === 'object' && last !== null && 'status' in last && last.status === status)
      return performance.now() - begun;
    assert(
      performance.now() - begun < 30_000,
      `${user} still gets ${JSON.stringify(last)} and not ${status}`,
    );
  }
}
