import { setTimeout as wait } from 'node:timers/promises';
import { createUserAgent } from '../../peers/ua.ts';
import { command } from '../command.ts';
import { NAMESPACE } from '../kube.ts';
import type { Lab } from '../lab.ts';
import { env } from '../machine.ts';
import { PORTS } from '../ports.ts';
import { assert, type Row } from '../scenario.ts';
import { passwordOf } from '../users.ts';

/** NATS loses its volumes while no Front End runs; PostgreSQL is put back to what it was an hour ago. */
export async function run(lab: Lab, note: (row: Row) => void): Promise<void> {
  await lab.restore();
  note(await natsIsLost(lab));
  note(await databaseIsRestored(lab));
}

const NOTE = 'in the cellar until nine';

/** What somebody published who is not there to say it again. */
async function publish(lab: Lab): Promise<string> {
  const [user = ''] = await lab.users('absent', 1);
  // Over TCP the user would be gone, and the note with it, some seconds after the connection.
  const agent = await createUserAgent(user, passwordOf(user), { udp: PORTS.sip });
  await lab.kube.until('the user may sign in', async () => (await agent.register()).status === 200);
  const body = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:${user}"><tuple id="a"><status><basic>open</basic></status><note>${NOTE}</note></tuple></presence>`;
  const headers: [string, string][] = [
    ['Event', 'presence'],
    ['Expires', '3600'],
    ['Content-Type', 'application/pidf+xml'],
  ];
  const answer = await agent.request('PUBLISH', { uri: `sip:${user}`, headers, body });
  assert(answer.status === 200, `PUBLISH got ${answer.status}`);
  agent.close();
  return user;
}

async function natsIsLost(lab: Lab): Promise<Row> {
  const step = 'NATS with its volumes and all Front Ends are lost';
  const user = await publish(lab);
  const before = await lab.cli('describe', 'user', user);
  assert(before.includes(NOTE), `not published: ${before}`);
  await lab.kube.until('PostgreSQL has everything', async () => {
    const pool = await lab.cli('get', 'pool', 'frontend', '-o', 'json');
    return !/"backupLag":\s*[1-9]/.test(pool);
  });
  await wait(2000);
  await lab.kube.scale('frontend', 0);
  await lab.kube.settled('frontend', 0);
  await lab.kube.run('scale', 'statefulset/linchpin-nats', '--replicas=0');
  await lab.kube.settled('nats', 0);
  await lab.kube.run('delete', 'pvc', '-l', 'app.kubernetes.io/component=nats');
  const begun = performance.now();
  await lab.kube.run('scale', 'statefulset/linchpin-nats', '--replicas=3');
  await lab.kube.scale('frontend', 3);
  await lab.kube.settled('nats', 3);
  await lab.kube.settled('frontend', 3);
  const found = async (): Promise<boolean> =>
    (await lab.cli('describe', 'user', user).catch(() => '')).includes(NOTE);
  const ok = await lab.kube.until('the note is there again', found, 60_000).catch(() => false);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  return {
    step,
    ok,
    measured: ok ? `what was published is there again after ${seconds} s` : 'the note is gone',
  };
}

const inDatabase = (script: string, input?: string): Promise<string> => {
  const login = 'export PGHOST=127.0.0.1 PGUSER=$POSTGRES_USER PGPASSWORD=$(cat $POSTGRES_PASSWORD_FILE)';
  const args = [
    '-n',
    NAMESPACE,
    'exec',
    '-i',
    'linchpin-postgresql-0',
    '--',
    'sh',
    '-c',
    `${login}; ${script}`,
  ];
  return command('kubectl', args, { env, ...(input !== undefined && { input }) });
};

/** As docs/operations.md says it. */
async function databaseIsRestored(lab: Lab): Promise<Row> {
  const step = "CMS's database is restored from a dump";
  const [kept = ''] = await lab.users('kept', 1);
  const dump = await inDatabase('pg_dump -Fp --clean --if-exists linchpin_cms');
  await lab.users('later', 1);
  await lab.kube.scale('cms', 0);
  await lab.kube.settled('cms', 0);
  await inDatabase('psql -q -v ON_ERROR_STOP=1 -d linchpin_cms', dump);
  const begun = performance.now();
  await lab.kube.scale('cms', 2);
  await lab.kube.settled('cms', 2);
  const status = async (user: string): Promise<number> => {
    const agent = await createUserAgent(user, passwordOf(user), { tcp: PORTS.sip });
    const { status: got } = await agent.request('REGISTER');
    agent.close();
    return got;
  };
  const later = `later0@${lab.domain}`;
  const agreed = async (): Promise<boolean> => (await status(kept)) === 200 && (await status(later)) === 403;
  const ok = await lab.kube.until('all roles follow what was restored', agreed, 60_000).catch(() => false);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const measured = ok
    ? `all roles follow it after ${seconds} s: who was there then signs in, who came later does not`
    : `${kept} gets ${await status(kept)}, ${later} gets ${await status(later)}`;
  return { step, ok, measured };
}
