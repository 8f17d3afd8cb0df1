import { readFile } from 'node:fs/promises';
import { status } from '@grpc/grpc-js';
import { CONFIG_BUCKET, DIRECTORY_BUCKET, documentKey, HEAD_KEY } from '@linchpin/proto/subjects';
import { Kvm } from '@nats-io/kv';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { apply, create, createRig, type Rig, remove, topology } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await createRig();
}, 60_000);
beforeEach(() => rig.reset(), 30_000);
afterAll(() => rig.close(), 30_000);

const user = (name: string) => `${name}@contoso.lab`;
const soon = { timeout: 10_000, interval: 20 };

async function startWithTopology(): Promise<void> {
  await rig.start();
  await rig.admin.publish(create('Topology', 'global', topology));
}

const health = () => rig.cms.host.health.state;
const isHealthy = () => vi.waitFor(() => expect(health()).toBe('ready'), soon);

describe('while NATS is away', () => {
  it('stores what is published, says so, and hands it over when NATS is back', async () => {
    await startWithTopology();
    const replica = await rig.replica('frontend-0');
    await vi.waitFor(() => expect(replica.version).toBe(2), soon);
    await rig.lab.stopNats();
    await vi.waitFor(() => expect(health()).toContain('nats: not connected'), soon);

    const reply = await rig.admin.publish(create('User', user('alice'), { pool: 'frontend' }));
    expect(reply).toEqual({ version: 3, outcomes: ['created'], pushed: false });
    await rig.admin.publish(create('User', user('bob'), { pool: 'frontend' }));
    await rig.admin.publish(remove('User', user('bob')));
    expect((await rig.admin.get('User')).documents).toHaveLength(1);
    await expect(rig.admin.listReplicas()).rejects.toMatchObject({ code: status.UNAVAILABLE });

    await rig.lab.startNats();
    await vi.waitFor(() => expect(replica.version).toBe(5), soon);
    expect(replica.get('User', user('alice'))?.version).toBe(3);
    expect(replica.get('User', user('bob'))).toBeUndefined();
    await isHealthy();
  });

  it('starts, and publishes when NATS comes', async () => {
    await rig.lab.stopNats();
    await startWithTopology();
    expect(health()).toContain('degraded: ');
    await rig.lab.startNats();
    const replica = await rig.replica('frontend-0');
    await vi.waitFor(() => expect(replica.version).toBe(2), soon);
    await isHealthy();
  });

  it('ends between commit and push, and heals at the next start', async () => {
    await startWithTopology();
    await rig.lab.stopNats();
    await rig.admin.publish(create('User', user('alice'), { pool: 'frontend' }, { password: 'p' }));
    await rig.stop();
    await rig.lab.startNats();
    const replica = await rig.replica('frontend-0');
    await vi.waitFor(() => expect(replica.version).toBe(2), soon);
    await rig.start();
    await vi.waitFor(() => expect(replica.version).toBe(3), soon);
    expect(replica.get('Credential', user('alice'))).toBeDefined();
  });
});

describe('a lost NATS store', () => {
  it('is written anew when NATS comes back without it', async () => {
    await startWithTopology();
    await rig.admin.publish(create('User', user('alice'), { pool: 'frontend' }));
    const replica = await rig.replica('frontend-0');
    await vi.waitFor(() => expect(replica.version).toBe(3), soon);
    await rig.loseNats();
    await rig.lab.startNats();
    await vi.waitFor(async () => expect(await headOf(DIRECTORY_BUCKET)).toMatchObject({ version: 3 }), soon);
    expect(replica.get('User', user('alice'))).toBeDefined();
    await rig.admin.publish(apply('User', user('alice'), { pool: 'frontend', displayName: 'Alice' }));
    await vi.waitFor(() => expect(replica.version).toBe(4), soon);
    expect(replica.get('User', user('alice'))?.spec.displayName).toBe('Alice');
  });

  it('is noticed while the connection stays', async () => {
    await startWithTopology();
    const kvm = new Kvm(await (await rig.lab.natsLink('admin')).connection());
    await (await kvm.open(CONFIG_BUCKET)).destroy();
    await vi.waitFor(async () => expect(await headOf(CONFIG_BUCKET)).toMatchObject({ version: 2 }), soon);
  });

  it('of which a part was written is completed', async () => {
    await startWithTopology();
    await rig.stop();
    const kvm = new Kvm(await (await rig.lab.natsLink('admin')).connection());
    await (await kvm.open(CONFIG_BUCKET)).delete(HEAD_KEY);
    await rig.start();
    await vi.waitFor(async () => expect(await headOf(CONFIG_BUCKET)).toMatchObject({ version: 2 }), soon);
  });

  it('that somebody else wrote to is put right', async () => {
    await startWithTopology();
    const kvm = new Kvm(await (await rig.lab.natsLink('admin')).connection());
    const [config, directory] = [await kvm.open(CONFIG_BUCKET), await kvm.open(DIRECTORY_BUCKET)];
    await rig.admin.publish(create('User', user('alice'), { pool: 'frontend' }));
    await directory.put(documentKey('User', user('alice')), '{}');
    await directory.put(documentKey('User', user('mallory')), '{}');
    await config.put(HEAD_KEY, 'not a head');
    // A new version does not cover it up.
    await rig.admin.publish(create('User', user('bob'), { pool: 'frontend' }));
    await vi.waitFor(async () => {
      expect((await directory.get(documentKey('User', user('alice'))))?.json()).toMatchObject({ version: 3 });
      expect((await directory.get(documentKey('User', user('mallory'))))?.operation).toBe('PURGE');
      expect(await headOf(CONFIG_BUCKET)).toMatchObject({ version: 4 });
    }, soon);
  });

  async function headOf(bucket: string): Promise<unknown> {
    const link = await rig.lab.natsLink('admin');
    try {
      const kv = await new Kvm(await link.connection()).open(bucket);
      // To read of a stream that is just being made ends nats-server 2.9.
      const isEmpty = await kv.status().then(
        ({ values }) => values === 0,
        () => true,
      );
      return isEmpty ? undefined : (await kv.get(HEAD_KEY).catch(() => null))?.json();
    } finally {
      await link.close();
    }
  }
});

describe('a database restored from a backup', () => {
  it('takes the roles back to what it holds', async () => {
    await startWithTopology();
    await rig.admin.publish(create('PresencePolicy', 'Kept', { maxSubscribers: 1 }));
    const replica = await rig.replica('frontend-0');
    await rig.admin.publish(
      apply('PresencePolicy', 'Kept', { maxSubscribers: 2 }),
      create('User', user('alice'), { pool: 'frontend' }),
    );
    await vi.waitFor(() => expect(replica.version).toBe(4), soon);
    await rig.stop();
    // As it was at version 3.
    await rig.sql("DELETE FROM documents WHERE kind = 'User'");
    await rig.sql(`UPDATE documents SET version = 3, spec = '{"maxSubscribers":1}' WHERE name = 'Kept'`);
    await rig.sql('DELETE FROM versions WHERE version = 4');

    await rig.start();
    await vi.waitFor(() => expect(replica.version).toBe(3), soon);
    expect(replica.get('PresencePolicy', 'Kept')?.spec.maxSubscribers).toBe(1);
    expect(replica.get('User', user('alice'))).toBeUndefined();
    expect(rig.log()).toContain('the configuration went back: CMS was restored');

    // Another version 4 than the one that was lost.
    await rig.admin.publish(create('User', user('bob'), { pool: 'frontend' }));
    await vi.waitFor(() => expect(replica.get('User', user('bob'))).toBeDefined(), soon);
  });
});

describe('while PostgreSQL is away', () => {
  it('answers UNAVAILABLE and recovers by itself', async () => {
    await startWithTopology();
    await rig.stopPostgres();
    const publish = () => rig.admin.publish(apply('PresencePolicy', 'Private'));
    await expect(publish()).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('PostgreSQL is away: '),
    });
    await expect(rig.admin.get('Topology')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(health()).toContain('degraded: postgres: PostgreSQL is away');
    expect(rig.cms.host.health.ready).toBe(true);
    await rig.startPostgres();
    await isHealthy();
    expect(await publish()).toMatchObject({ version: 3, pushed: true });
  }, 30_000);

  it('starts, and prepares the database when it comes', async () => {
    await rig.stopPostgres();
    await rig.start();
    expect(health()).toContain('PostgreSQL is away');
    await expect(rig.admin.get('Topology')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await rig.startPostgres();
    await isHealthy();
    expect(await rig.admin.publish(create('Topology', 'global', topology))).toMatchObject({ version: 2 });
  }, 30_000);
});

describe('a restart', () => {
  it('keeps documents and versions, and does not make the defaults again', async () => {
    await startWithTopology();
    await rig.admin.publish(apply('ExternalAccessPolicy', 'global', { outsideAccess: false }));
    await rig.stop();
    await rig.start();
    const { documents, version } = await rig.admin.get('ExternalAccessPolicy', 'global');
    expect(version).toBe(3);
    expect(JSON.parse(documents[0]?.spec ?? '')).toEqual({ outsideAccess: false });
    expect(rig.cms.role.configVersion()).toBe(3);
  });

  it('is refused where a newer release has been', async () => {
    await startWithTopology();
    await rig.stop();
    await rig.sql("INSERT INTO migrations (number, file) VALUES (9999, '9999-future.sql')");
    await expect(rig.start()).rejects.toMatchObject({
      exitCode: 65,
      message: expect.stringMatching(/written by a newer release of CMS \(schema 9999, this one knows \d+\)/),
    });
  });
});

describe('the example configuration', () => {
  it('is one that CMS takes', async () => {
    const { cmsConfig } = await import('../src/config.ts');
    const { parse } = await import('yaml');
    const text = await readFile(new URL('../config.example.yaml', import.meta.url), 'utf8');
    expect(cmsConfig.parse(parse(text))).toMatchObject({ role: 'cms' });
  });
});
