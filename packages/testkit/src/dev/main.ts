// `npm run dev <role>`: one role alone, with real PostgreSQL and NATS and neighbours that answer from its fixture.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whenNpmEnds } from '@linchpin/backends';
import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { DEV_DOMAIN } from '../documents.ts';
import { createLab, type Lab } from '../lab.ts';
import { startNeighbour } from '../neighbour.ts';
import { type Door, openDoor } from './door.ts';
import type { Fixture } from './fixture.ts';
import { runRoleProcess } from './role-process.ts';

const root = join(import.meta.dirname, '../../../..');
const roles = ['cms', 'director', 'edge', 'frontend', 'persistent-chat'];
const usage = `usage: npm run dev <${roles.join('|')}> [-- --without nats,postgres,<pod>…]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { without: { type: 'string', default: '' }, home: { type: 'string' } },
});
const [role = ''] = positionals;
if (!roles.includes(role)) {
  console.error(role === '' ? usage : `there is no role "${role}"; ${usage}`);
  process.exit(2);
}
const without = new Set(values.without.split(','));
const startedAt = performance.now();
const show = (line: string): void => console.log(line);
const { fixture } = (await import(join(root, `services/${role}/dev/fixture.ts`))) as { fixture: Fixture };

let door: Door | undefined;

/** The neighbours' side of the conversation, one line a message. */
const describe = (frame: Frame): string =>
  frame.message.length === 0
    ? `flow ${frame.flow} ended`
    : (frame.message.toString('utf8').split('\r\n')[0] ?? '');

async function startNeighbours(lab: Lab) {
  const wanted = fixture.neighbours.filter(({ pod }) => !without.has(pod));
  return Promise.all(
    wanted.map(async (neighbour) =>
      startNeighbour({
        ...neighbour,
        mtls: await lab.mtls(neighbour.role),
        // The door stands in place of an Edge: Front Ends answer there and not by way of the role.
        ...(fixture.door && { onAnswer: (frame) => door?.deliver(frame) }),
        onAsked: (frame, from) =>
          show(
            `  ${neighbour.pod} was asked by ${from}: ${describe(frame)}${frame.identity && ` (${frame.identity})`}`,
          ),
      }),
    ),
  );
}

async function writeConfig(lab: Lab): Promise<string> {
  const path = join(lab.dir, `${role}.json`);
  const config = {
    name: `${role}-0`,
    role,
    dataDir: join(lab.dir, 'role'),
    rpc: { address: '127.0.0.1', port: fixture.port },
    http: { address: '127.0.0.1', port: fixture.port + 1 },
    tls: await lab.tls(role),
    nats: { servers: [lab.natsUrl] },
    ...(await fixture.config(lab)),
  };
  await mkdir(config.dataDir, { recursive: true });
  await writeFile(path, JSON.stringify(config, undefined, 2));
  return path;
}

/** With these the management commands take the lab for an installation: `./linchpin get users --home <dir>`. */
async function writeHome(lab: Lab): Promise<void> {
  const portOffset = 100;
  const settings = { formatVersion: 1, domain: DEV_DOMAIN, portOffset, listen: '127.0.0.1', samples: true };
  await writeFile(join(lab.dir, 'linchpin.json'), JSON.stringify(settings));
  await lab.tls('admin', 'admin');
}

const url = `http://127.0.0.1:${fixture.port + 1}`;

/** Resolves with what the role says of itself, once it has started: ready, or what it misses. */
async function started(): Promise<string> {
  for (;;) {
    const answer = await fetch(`${url}/healthz/started`).catch(() => undefined);
    if (answer?.ok) return ((await (await fetch(`${url}/status`)).json()) as { health: string }).health;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const lab = await createLab({
  dir: values.home ?? join(root, '.linchpin-dev', role),
  nats: !without.has('nats'),
  postgres: fixture.postgres === true && !without.has('postgres'),
  databases: fixture.databases ?? [],
  onProgress: show,
});
await writeHome(lab);
const neighbours = await startNeighbours(lab);
const roleProcess = runRoleProcess(role, await writeConfig(lab), show);
door = await openDoor(fixture, lab);
if (!without.has('nats') && fixture.documents.length > 0) await lab.publisher.publish(fixture.documents);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  door?.close();
  await roleProcess.stop();
  await Promise.all(neighbours.map((neighbour) => neighbour.stop()));
  await lab.close();
  process.exit(0);
}
process.once('SIGINT', () => void stop());
process.once('SIGTERM', () => void stop());
whenNpmEnds(() => void stop());

const health = await started();
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
show(`${role} is up after ${seconds} s (${health}); ${url}/status`);
for (const line of fixture.hint) show(line);
