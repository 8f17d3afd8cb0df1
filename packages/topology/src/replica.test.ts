import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONFIG_BUCKET, DIRECTORY_BUCKET, documentKey } from '@linchpin/proto/subjects';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { linkTo, type NatsServer, startNatsServer } from '../test/nats-server.ts';
import { createPublisher, type Publisher } from '../test/publisher.ts';
import type { DocumentChange } from './document.ts';
import { createReplica, type Replica, type ReplicaOptions } from './replica.ts';

let nats: NatsServer;
let cms: Publisher;
let dir: string;
const opened: (() => Promise<void>)[] = [];

beforeAll(async () => {
  nats = await startNatsServer();
});
afterAll(() => nats.remove());

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'linchpin-replica-'));
  await nats.stop();
  await nats.start({ empty: true });
  cms = await createPublisher(nats);
  await cms.makeBuckets();
});
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
  await cms.end();
  await rm(dir, { recursive: true, force: true });
});

const messages: string[] = [];
const note = (_fields: object, message: string) => void messages.push(message);
const log = { debug() {}, info: note, warn: note, error: note };

function open(options: Partial<ReplicaOptions> = {}): Replica {
  const link = linkTo(nats);
  const replica = createReplica({
    dir,
    buckets: ['config', 'directory'],
    nats: link,
    pod: 'frontend-0',
    role: 'frontend',
    productVersion: '1.2.3',
    log,
    ...options,
  });
  opened.push(async () => {
    await replica.stop();
    await link.close();
  });
  return replica;
}

async function followed(options?: Partial<ReplicaOptions>): Promise<Replica> {
  const replica = open(options);
  await replica.load();
  replica.follow();
  return replica;
}

const reaches = (replica: Replica, version: number) =>
  vi.waitFor(() => expect(replica.version).toBe(version), { timeout: 15_000, interval: 5 });

const alice = (pool = 'fe'): ['User', string, unknown] => [
  'User',
  'alice@contoso.lab',
  { enabled: true, pool },
];
const poolOf = (replica: Replica) => replica.get('User', 'alice@contoso.lab')?.spec.pool;

describe('following', () => {
  it('takes what is there and what comes, and tells the listeners what changed', async () => {
    await cms.publish(1, alice(), ['PresencePolicy', 'global', { privacyMode: true }]);
    const told: [DocumentChange[], number][] = [];
    const replica = open();
    replica.onChange((changes, version) => told.push([[...changes], version]));
    replica.follow();
    await reaches(replica, 1);
    expect(poolOf(replica)).toBe('fe');
    expect(replica.get('PresencePolicy', 'global')?.spec).toMatchObject({
      privacyMode: true,
      maxSubscribers: 1000,
    });
    expect(told[0]?.[0]).toHaveLength(2);

    await cms.publish(2, alice('fe2'));
    await reaches(replica, 2);
    const [change] = told[1]?.[0] ?? [];
    expect(change).toMatchObject({
      kind: 'User',
      before: { version: 1 },
      after: { version: 2, spec: { pool: 'fe2' } },
    });

    await cms.publish(3, ['User', 'alice@contoso.lab', null]);
    await reaches(replica, 3);
    expect([...replica.list('User')]).toEqual([]);
    expect(told[2]?.[0]).toMatchObject([{ name: 'alice@contoso.lab', after: undefined }]);
  });

  it('applies a version only when it is whole, in both buckets', async () => {
    const replica = await followed();
    await cms.publish(1, alice());
    await reaches(replica, 1);
    await cms.put(2, alice('fe2'));
    await cms.put(2, ['PresencePolicy', 'Private', {}]);
    await cms.close({ version: 2, id: 'two' }, DIRECTORY_BUCKET);
    // A replica of that bucket alone has seen it all by now, so this one has seen it too.
    const other = await followed({ buckets: ['directory'], dir: join(dir, 'other') });
    await reaches(other, 2);
    expect(replica.version).toBe(1);
    expect(poolOf(replica)).toBe('fe');
    await cms.close({ version: 2, id: 'two' }, CONFIG_BUCKET);
    await reaches(replica, 2);
    expect(poolOf(replica)).toBe('fe2');
    expect(replica.get('PresencePolicy', 'Private')).toBeDefined();
  });

  it('takes no user and no credential where only config is followed', async () => {
    await cms.publish(1, alice(), ['PresencePolicy', 'global', {}]);
    const replica = await followed({ buckets: ['config'], role: 'edge', pod: 'edge-0' });
    await reaches(replica, 1);
    expect(poolOf(replica)).toBeUndefined();
    await replica.stop();
    expect(await readFile(join(dir, 'replica.jsonl'), 'utf8')).not.toContain('alice');
  });

  it('comes up before the buckets do, skips what it cannot read, ignores kinds it does not know', async () => {
    await cms.bucket(CONFIG_BUCKET).destroy();
    await cms.bucket(DIRECTORY_BUCKET).destroy();
    const replica = await followed();
    await cms.makeBuckets();
    await cms.bucket(CONFIG_BUCKET).put(documentKey('PresencePolicy', 'broken'), '{');
    await cms
      .bucket(CONFIG_BUCKET)
      .put('voiceroute.eA', '{"kind":"VoiceRoute","name":"x","version":1,"spec":{}}');
    await cms.publish(1, alice());
    await reaches(replica, 1);
    expect(poolOf(replica)).toBe('fe');
  });

  it('keeps a document whose value has become unreadable', async () => {
    await cms.publish(1, alice());
    const before = await followed();
    await reaches(before, 1);
    await before.stop();
    await cms.bucket(DIRECTORY_BUCKET).put(documentKey('User', 'alice@contoso.lab'), '{');
    await cms.publish(2);
    const replica = await followed();
    await reaches(replica, 2);
    expect(poolOf(replica)).toBe('fe');
  });

  it('goes on when a listener fails', async () => {
    const replica = await followed();
    replica.onChange(() => {
      throw new Error('a bug');
    });
    const versions: number[] = [];
    const end = replica.onChange((_changes, version) => versions.push(version));
    await cms.publish(1, alice());
    await reaches(replica, 1);
    end();
    await cms.publish(2, alice('fe2'));
    await reaches(replica, 2);
    expect(versions).toEqual([1]);
  });
});

describe('reporting', () => {
  it('says which version the pod runs', async () => {
    const replica = await followed();
    await vi.waitFor(async () => expect(await cms.report('frontend-0')).toMatchObject({ version: 0 }), {
      timeout: 10_000,
    });
    await cms.publish(7, alice());
    await reaches(replica, 7);
    await vi.waitFor(
      async () =>
        expect(await cms.report('frontend-0')).toEqual({
          pod: 'frontend-0',
          role: 'frontend',
          version: 7,
          productVersion: '1.2.3',
          at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        }),
      { timeout: 10_000 },
    );
  });
});

describe('the disk copy', () => {
  const path = () => join(dir, 'replica.jsonl');

  async function keep(version: number): Promise<void> {
    const replica = await followed();
    await cms.publish(version, alice(), ['PresencePolicy', 'Private', { privacyMode: true }]);
    await reaches(replica, version);
    await replica.stop();
  }

  it('is enough to start while NATS is away, and is readable by nobody else', async () => {
    await keep(4);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    await nats.stop();
    const replica = await followed();
    expect(replica.version).toBe(4);
    expect(poolOf(replica)).toBe('fe');
    await nats.start();
    await cms.back();
    await cms.publish(5, alice('fe2'));
    await reaches(replica, 5);
    expect(poolOf(replica)).toBe('fe2');
  });

  it('loses what was deleted while the pod was away', async () => {
    await keep(4);
    await cms.bucket(DIRECTORY_BUCKET).purge(documentKey('User', 'alice@contoso.lab'));
    await cms.publish(6);
    const replica = await followed();
    await reaches(replica, 6);
    expect(poolOf(replica)).toBeUndefined();
    expect(replica.get('PresencePolicy', 'Private')).toBeDefined();
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['changed', (bytes: Buffer) => Buffer.from(bytes.toString().replace('fe', 'xx'))],
    ['empty', () => Buffer.alloc(0)],
  ])('is moved aside and rebuilt when it is %s', async (_how, damage) => {
    await keep(4);
    await writeFile(path(), damage(await readFile(path())));
    messages.length = 0;
    const replica = await followed();
    expect(messages.join()).toContain('damaged; it was moved aside');
    await reaches(replica, 4);
    expect(poolOf(replica)).toBe('fe');
    await replica.stop();
    expect((await readdir(dir)).sort()).toEqual(['replica.jsonl', 'replica.jsonl.damaged']);
  });

  it('of a newer release is refused, and kept', async () => {
    await writeFile(path(), '{"formatVersion":2}\n{}\n');
    await expect(open().load()).rejects.toThrow(/written by a newer release \(format 2, this one knows 1\)/);
    expect(await readdir(dir)).toEqual(['replica.jsonl']);
  });
});

describe('a lost store', () => {
  it('keeps what it has until CMS has published again, also at a lower version', async () => {
    const replica = await followed();
    await cms.publish(9, alice(), ['PresencePolicy', 'Private', {}]);
    await reaches(replica, 9);
    await nats.stop();
    await nats.start({ empty: true });
    await cms.back();
    await cms.makeBuckets();
    await cms.put(5, alice('restored'));
    expect(poolOf(replica)).toBe('fe');
    messages.length = 0;
    await cms.publish(5);
    await reaches(replica, 5);
    expect(poolOf(replica)).toBe('restored');
    expect(replica.get('PresencePolicy', 'Private')).toBeUndefined();
    expect(messages).toContain('the configuration went back: CMS was restored');
  });

  it('is noticed while the connection stays', async () => {
    const replica = await followed();
    for (const version of [1, 2, 3]) await cms.publish(version, alice());
    await reaches(replica, 3);
    await cms.bucket(DIRECTORY_BUCKET).destroy();
    await cms.bucket(CONFIG_BUCKET).destroy();
    await cms.makeBuckets();
    await cms.publish(4, alice('fe2'));
    await reaches(replica, 4);
    expect(poolOf(replica)).toBe('fe2');
  });

  it('is told from the same version of another past', async () => {
    const replica = await followed();
    await cms.publish(3, alice());
    await reaches(replica, 3);
    await cms.publish(3, alice('restored'));
    await vi.waitFor(() => expect(poolOf(replica)).toBe('restored'), { timeout: 10_000 });
  });
});
