import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AckPolicy, DiscardPolicy, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from './authority.ts';
import { type NatsServer, startNats } from './nats.ts';
import { findNatsServer } from './nats-binary.ts';

let root: string;
let server: NatsServer;
const file = (name: string) => join(root, name);
const tls = (role: string) => ({
  certFile: file(`${role}.pem`),
  keyFile: file(`${role}.key`),
  caFile: file('pki/ca.pem'),
});
const options = () => ({
  dir: file('nats'),
  port: 0,
  tls: { ca: file('pki/ca.pem'), cert: file('nats.pem'), key: file('nats.key') },
});
const open: NatsConnection[] = [];
/** Of one routing group. */
const STATE = 'user-state-frontend-07';

async function client(role: string, port = server.port): Promise<NatsConnection> {
  const connection = await connect({
    servers: `127.0.0.1:${port}`,
    tls: tls(role),
    inboxPrefix: `_INBOX.${role}`,
    reconnect: false,
    timeout: 10_000,
  });
  open.push(connection);
  return connection;
}
const bucket = async (role: string, name: string) => new Kvm(await client(role)).open(name);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'linchpin-nats-test-'));
  const authority = createAuthority(file('pki'));
  for (const role of ['nats', 'cms', 'director', 'frontend', 'edge', 'persistent-chat', 'stranger']) {
    const dns = [`${role}.linchpin.internal`, `${role}-0`, 'localhost'];
    await authority.issue({
      name: `${role}-0`,
      dns,
      ips: ['127.0.0.1'],
      certPath: file(`${role}.pem`),
      keyPath: file(`${role}.key`),
    });
  }
  server = await startNats(options());
  const kvm = new Kvm(await client('cms'));
  for (const name of ['config', 'directory', 'replica', 'members']) await kvm.create(name);
  await new Kvm(await client('frontend')).create(STATE);
  for (const name of ['config', 'directory']) await (await kvm.open(name)).put('head', '{"version":1}');
});
afterAll(async () => {
  await Promise.all(open.map((connection) => connection.close()));
  await server.stop();
  rmSync(root, { recursive: true });
});

describe('NATS', () => {
  test('refuses a client without a certificate, and one whose role is unknown', async () => {
    const bare = connect({
      servers: `127.0.0.1:${server.port}`,
      tls: { caFile: file('pki/ca.pem') },
      reconnect: false,
    });
    await expect(bare).rejects.toThrow();
    await expect(client('stranger')).rejects.toThrow(/authorization/i);
  });

  test('carries messages of up to 2 MB', async () => {
    expect((await client('cms')).info?.max_payload).toBe(2 * 1024 * 1024);
  });

  test('keeps buckets over kill -9', async () => {
    const dir = file('killed');
    const first = await startNats({ ...options(), dir });
    await (await new Kvm(await client('frontend', first.port)).create('kept')).put('key', 'value');
    process.kill(first.pid, 'SIGKILL');
    expect(await first.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const second = await startNats({ ...options(), dir });
    const entry = await (await new Kvm(await client('frontend', second.port)).open('kept')).get('key');
    expect(entry?.string()).toBe('value');
    await second.stop();
  });

  test('names the port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(startNats({ ...options(), dir: file('second'), port })).rejects.toThrow(
      `NATS cannot listen on 127.0.0.1:${port}: another program uses that port`,
    );
    other.close();
  });
});

describe("a role's certificate", () => {
  test('Edge follows the configuration and reports its replica', async () => {
    const watch = await (await bucket('edge', 'config')).watch();
    for await (const entry of watch) {
      expect(entry.string()).toBe('{"version":1}');
      break;
    }
    await (await bucket('edge', 'replica')).put('ZWRnZS0w', '{}');
    expect(await (await bucket('cms', 'replica')).get('ZWRnZS0w')).not.toBeNull();
  });

  test.each(['directory', STATE])('Edge can neither read nor write %s', async (name) => {
    const kv = await bucket('edge', name);
    await expect(kv.get('head')).rejects.toThrow(/permission/i);
    await expect(kv.put('head', '{}')).rejects.toThrow(/permission/i);
    await expect(kv.watch()).rejects.toThrow(/permission/i);
    await expect(kv.keys()).rejects.toThrow(/permission/i);
    await expect(kv.destroy()).rejects.toThrow(/permission/i);
  });

  test("Edge cannot listen to others' answers, make streams, nor read back what it reported", async () => {
    const connection = await client('edge');
    for (const subject of ['_INBOX.>', '_INBOX.director.>', '$KV.directory.>', '>']) {
      const heard = new Promise((resolve) =>
        connection.subscribe(subject, { callback: (error) => resolve(error) }),
      );
      await expect(heard.then((error) => String(error))).resolves.toMatch(/permission/i);
    }
    await expect(new Kvm(connection).create('copy')).rejects.toThrow(/permission/i);
    await expect((await bucket('edge', 'replica')).get('ZWRnZS0w')).rejects.toThrow(/permission/i);
    await expect((await bucket('edge', 'config')).put('head', '{}')).rejects.toThrow(/permission/i);
  });

  test('Director reads the directory, only CMS writes it', async () => {
    const kv = await bucket('director', 'directory');
    expect((await kv.get('head'))?.string()).toBe('{"version":1}');
    await expect(kv.put('head', '{}')).rejects.toThrow(/permission/i);
    await expect((await bucket('frontend', 'directory')).put('head', '{}')).rejects.toThrow(/permission/i);
    await (await bucket('cms', 'directory')).put('head', '{"version":1}');
  });

  test('Front End writes the state of users, only Front End', async () => {
    expect(await (await bucket('frontend', STATE)).put('bindings.x', '{}')).toBe(1);
    for (const role of ['cms', 'director']) {
      const connection = await client(role);
      await expect(connection.request(`$KV.${STATE}.bindings.x`, '{}')).rejects.toThrow(/permission/i);
      await expect(connection.request(`$JS.API.STREAM.PURGE.KV_${STATE}`)).rejects.toThrow(/permission/i);
      await expect(connection.request(`$JS.API.STREAM.CREATE.KV_${STATE}`)).rejects.toThrow(/permission/i);
    }
  });
});

describe('what is said in rooms', () => {
  const STREAM = 'PERSISTENT_CHAT';
  const SUBJECT = 'persistent-chat.events.room';
  const others = ['cms', 'director', 'frontend', 'edge'];

  test('goes from pod to pod, and through a queue to the one consumer', async () => {
    const connection = await client('persistent-chat');
    const manager = await jetstreamManager(connection);
    const config = {
      subjects: ['persistent-chat.events.>'],
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
    };
    await manager.streams.add({ name: STREAM, ...config, max_bytes: 1_000_000 });
    await manager.streams.update(STREAM, { ...config, max_bytes: 2_000_000 });
    await manager.consumers.add(STREAM, { durable_name: 'compliance', ack_policy: AckPolicy.Explicit });
    await manager.consumers.info(STREAM, 'compliance');
    const heard = new Promise<string>((resolve) =>
      connection.subscribe(SUBJECT, { callback: (_, message) => resolve(message.string()) }),
    );
    const first = await jetstream(connection).publish(SUBJECT, '["one"]', { msgID: 'room/1-1' });
    expect(first).toMatchObject({ stream: STREAM, seq: 1, duplicate: false });
    const again = await jetstream(connection).publish(SUBJECT, '["one"]', { msgID: 'room/1-1' });
    expect(again.duplicate).toBe(true);
    expect(await heard).toBe('["one"]');
    const messages = await (await jetstream(connection).consumers.get(STREAM, 'compliance')).consume();
    for await (const message of messages) {
      expect(message.string()).toBe('["one"]');
      expect(await message.ackAck()).toBe(true);
      break;
    }
    expect((await manager.streams.info(STREAM)).state.messages).toBe(0);
    await connection.close();
  });

  test('leaves the queue in no other way, not even by its own role', async () => {
    const connection = await client('persistent-chat');
    await jetstream(connection).publish(SUBJECT, '["two"]');
    const manager = await jetstreamManager(connection, { checkAPI: false });
    await expect(manager.streams.purge(STREAM)).rejects.toThrow(/permission/i);
    await expect(manager.streams.delete(STREAM)).rejects.toThrow(/permission/i);
    await expect(manager.streams.deleteMessage(STREAM, 2)).rejects.toThrow(/permission/i);
    await expect(manager.consumers.delete(STREAM, 'compliance')).rejects.toThrow(/permission/i);
    await expect(manager.consumers.add(STREAM, { durable_name: 'other' })).rejects.toThrow(/permission/i);
  });

  test.each(others)('%s neither says, hears nor takes anything of it', async (role) => {
    const connection = await client(role);
    await expect(connection.request(SUBJECT, '["forged"]')).rejects.toThrow(/permission/i);
    const subscribed = new Promise<unknown>((resolve) =>
      connection.subscribe(SUBJECT, { callback: (error) => resolve(error) }),
    );
    expect(String(await subscribed)).toMatch(/permission/i);
    const manager = await jetstreamManager(connection, { checkAPI: false });
    await expect(manager.streams.purge(STREAM)).rejects.toThrow(/permission/i);
    await expect(manager.streams.getMessage(STREAM, { seq: 2 })).rejects.toThrow(/permission/i);
    await expect(manager.consumers.add(STREAM, { durable_name: role })).rejects.toThrow(/permission/i);
    const next = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.compliance`;
    await expect(connection.request(next, '')).rejects.toThrow(/permission/i);
    await expect(connection.request(`$JS.ACK.${STREAM}.compliance.1.2.1.1.0`, '')).rejects.toThrow(
      /permission/i,
    );
  });

  test('its role writes no configuration, no directory and no state of users', async () => {
    for (const name of ['config', 'directory', STATE]) {
      const connection = await client('persistent-chat');
      await expect(connection.request(`$KV.${name}.head`, '{}')).rejects.toThrow(/permission/i);
    }
    expect((await (await bucket('persistent-chat', 'directory')).get('head'))?.string()).toContain('version');
  });
});

describe('in members', () => {
  const roles = ['cms', 'director', 'frontend', 'edge', 'persistent-chat'];

  test.each(roles)('%s writes its own keys, and no others', async (role) => {
    const kv = await bucket(role, 'members');
    expect(await kv.put(`${role}.cG9k`, '{}')).toBeGreaterThan(0);
    await kv.delete(`${role}.cG9k`);
    for (const other of roles.filter((name) => name !== role))
      await expect(kv.put(`${other}.cG9k`, '{}')).rejects.toThrow(/permission/i);
    await expect(kv.destroy()).rejects.toThrow(/permission/i);
  });

  test('all but Edge see everybody', async () => {
    await (await bucket('edge', 'members')).put('edge.cG9k', 'edge');
    for (const role of ['cms', 'director', 'frontend', 'persistent-chat'])
      expect((await (await bucket(role, 'members')).get('edge.cG9k'))?.string()).toBe('edge');
  });

  test('Edge sees Directors, and cannot read back what it wrote', async () => {
    await (await bucket('director', 'members')).put('director.cG9k', 'director');
    const connection = await client('edge');
    const kv = await new Kvm(connection).open('members');
    for await (const entry of await kv.watch({ key: 'director.*' })) {
      expect(entry.key).toBe('director.cG9k');
      break;
    }
    for (const key of ['edge.*', '>', '*.cG9k'])
      await expect(kv.watch({ key })).rejects.toThrow(/permission/i);
    await expect(kv.get('edge.cG9k')).rejects.toThrow(/permission/i);
    // NATS holds the filter in the subject against the one that is asked for.
    const api = '$JS.API.CONSUMER.CREATE.KV_members.probe.$KV.members.director.*';
    for (const filter of [
      { filter_subject: '$KV.members.edge.*' },
      { filter_subjects: ['$KV.members.director.*', '$KV.members.edge.*'] },
      {},
    ]) {
      const config = { name: 'probe', deliver_subject: '_INBOX.edge.probe', ack_policy: 'none', ...filter };
      const request = { stream_name: 'KV_members', action: 'create', config };
      const answer = (await connection.request(api, JSON.stringify(request))).json<{ error?: object }>();
      expect(answer.error).toBeDefined();
    }
  });
});

describe('the nats-server program', () => {
  test('is the installed one, else one that was downloaded before', async () => {
    for (const folder of ['bin', 'cache']) {
      mkdirSync(file(folder));
      writeFileSync(file(`${folder}/nats-server`), '#!/bin/sh\n', { mode: 0o755 });
    }
    const options = { cacheDir: file('cache') };
    expect(await findNatsServer({ ...options, folders: [root, file('bin')] })).toBe(file('bin/nats-server'));
    expect(await findNatsServer({ ...options, folders: [root] })).toBe(file('cache/nats-server'));
  });
});
