import { setTimeout as wait } from 'node:timers/promises';
import { createUserAgent } from '../../peers/ua.ts';
import { command } from '../command.ts';
import { load as loadImages, ROLES, tagRoles } from '../images.ts';
import { NODE } from '../kind-cluster.ts';
import type { Lab } from '../lab.ts';
import { env } from '../machine.ts';
import { PORTS } from '../ports.ts';
import type { Row } from '../scenario.ts';
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
        const administrator = (async () => {
          while (rolling) changes.push(await changePolicy(lab, watched));
        })();
        // A second helm would find the first one at work.
        await Promise.allSettled([upgrade, administrator]);
        await Promise.all([upgrade, administrator]);
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
  await administer(lab, 'set', 'user', user, 'enabled=false');
  const seen = await untilRegisterGives(user, 403);
  await administer(lab, 'set', 'user', user, 'enabled=true');
  return Math.max(seen, await untilRegisterGives(user, 200));
}

/** While the one CMS pod is replaced, the command says that CMS is not available; then people do it again. */
async function administer(lab: Lab, ...words: string[]): Promise<void> {
  for (const deadline = performance.now() + 60_000; ; await wait(500)) {
    const failure = await lab.cli(...words).then(
      () => undefined,
      (error: { stderr: string }) => error.stderr,
    );
    if (failure === undefined) return;
    if (performance.now() < deadline && /CMS|NATS|PostgreSQL/.test(failure)) continue;
    throw new Error(`${failure}\n${await wayToCms(lab)}`);
  }
}

/** Where the node port leads, by Kubernetes and by the node's own rules. */
async function wayToCms({ kube }: Lab): Promise<string> {
  const asked = [
    kube.run('get', 'pods,endpointslices', '-o', 'wide', '-l', 'app.kubernetes.io/component=cms'),
    command('docker', ['exec', NODE, 'sh', '-c', `iptables-save -c -t nat | grep ${PORTS.cms}`], { env }),
    command('docker', ['exec', NODE, 'sh', '-c', `conntrack -L -p tcp --dport ${PORTS.cms} | tail`], { env }),
  ];
  const answers = await Promise.allSettled(asked);
  return answers
    .map((answer) => (answer.status === 'fulfilled' ? answer.value : String(answer.reason)))
    .join('\n');
}

async function untilRegisterGives(user: string, status: number): Promise<number> {
  const begun = performance.now();
  for (let last = 'no connection'; performance.now() - begun < 30_000; ) {
    const agent = await createUserAgent(user, passwordOf(user), { tcp: PORTS.sip }).catch(() => undefined);
    if (agent === undefined) continue;
    // Without a Contact it asks who is signed in (RFC 3261 10.2.3), and leaves no endpoint behind.
    const answer = agent.request('REGISTER', { milliseconds: 1500 });
    last = await answer.then(
      (response) => String(response.status),
      (error: Error) => error.message,
    );
    agent.close();
    if (last === String(status)) return performance.now() - begun;
  }
  throw new Error(`${user} does not get ${status}`);
}
