// How long a change takes from CMS's first write until fifty pods run it, each with a connection and a disk of its own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createReplica, type Replica } from '../src/index.ts';
import { linkTo, startNatsServer } from '../test/nats-server.ts';
import { createPublisher } from '../test/publisher.ts';

const PODS = 50;
const ROUNDS = 20;
const USERS = 1000;

const silent = { debug() {}, info() {}, warn() {}, error: console.error };

export async function run(): Promise<{ name: string; milliseconds: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'linchpin-push-'));
  const nats = await startNatsServer();
  const cms = await createPublisher(nats);
  await cms.makeBuckets();
  const user = (at: number, pool: string) =>
    ['User', `user${at}@contoso.lab`, { pool }] as ['User', string, unknown];
  await cms.publish(1, ...Array.from({ length: USERS }, (_, at) => user(at, 'frontend')));

  const pods = Array.from({ length: PODS }, (_, at) => {
    const link = linkTo(nats);
    const pod = `pod-${at}`;
    const replica = createReplica({
      dir: join(dir, pod),
      buckets: ['config', 'directory'],
      nats: link,
      pod,
      role: 'frontend',
      productVersion: '0',
      log: silent,
    });
    replica.follow();
    return { replica, link };
  });
  const all = (version: number) => Promise.all(pods.map(({ replica }) => reached(replica, version)));

  await all(1);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const arrived = all(round + 2);
    const began = performance.now();
    await cms.publish(round + 2, user(round, 'frontend2'));
    await arrived;
    times.push(performance.now() - began);
  }

  for (const { replica, link } of pods) {
    await replica.stop();
    await link.close();
  }
  await cms.end();
  await nats.remove();
  await rm(dir, { recursive: true, force: true });
  return { name: `a change reaches ${PODS} pods (slowest of ${ROUNDS})`, milliseconds: Math.max(...times) };
}

function reached(replica: Replica, version: number): Promise<void> {
  if (replica.version >= version) return Promise.resolve();
  return new Promise((resolve) => {
    const end = replica.onChange((_changes, now) => {
      if (now < version) return;
      end();
      resolve();
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await run());
