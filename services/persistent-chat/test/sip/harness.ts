// Pods that have nothing but the SIP bridge, with a Chat that only remembers, and Front Ends that are not there.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createLog, migrate, type StartedRole, startRole } from '@linchpin/host';
import type { Frame } from '@linchpin/proto/relay/v1/relay';
import { newBranch, newCallId, newTag, parseMessage, SipRequest, SipResponse } from '@linchpin/sip';
import {
  type Caller,
  callAs,
  createInbox,
  createLab,
  globalDocuments,
  LAB_DOMAIN,
  type Lab,
  type Neighbour,
  startNeighbour,
  topologyDocument,
  userDocuments,
} from '@linchpin/testkit';
import { createKnowledge, joinConfigured } from '@linchpin/topology';
import pg from 'pg';
import { vi } from 'vitest';
import { type PersistentChatConfig, persistentChatConfig } from '../../src/config.ts';
import { createDatabase, type Database } from '../../src/database/database.ts';
import { migrations } from '../../src/database/migrations.ts';
import { createSip } from '../../src/sip/sip.ts';
import { createFakeChat, type FakeChat } from './fake-chat.ts';

export const address = (user: string): string => `${user}@${LAB_DOMAIN}`;
export const roomUri = (name: string): string => `sip:room-${name}@${LAB_DOMAIN}`;
export const waiting = { timeout: 15_000, interval: 20 };

/** What a member was told, at a Front End. */
export interface Told {
  room: string;
  member: string;
  text: string;
  seq: number;
  request: SipRequest;
}

export interface Asking {
  method?: string;
  body?: string | Uint8Array;
  headers?: [string, string][];
  contentType?: string;
  callId?: string;
  cseq?: number;
  toTag?: string;
  /** The pod that is asked; any. */
  pod?: string;
}

export interface SipLab {
  readonly lab: Lab;
  readonly fake: FakeChat;
  readonly told: readonly Told[];
  toldTo(user: string): string[];
  /** Resolves when a user was told this. */
  heard(user: string, text: string | RegExp): Promise<Told>;
  /** What a user's client answers: 200 unless it says otherwise; undefined: nothing. */
  answers(answer: (told: Told) => number | undefined): void;
  /** What a user sends to a room, as a Front End brings it. */
  ask(user: string, uri: string, asking?: Asking): Promise<SipResponse>;
  room(name: string, ...members: string[]): Promise<string>;
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  startPod(name: string): Promise<SipPod>;
  /** Of a pod's RPCs. */
  port(pod: string): number;
  startFrontEnd(name: string): Promise<FakeFrontEnd>;
  close(): Promise<void>;
}

export interface SipPod {
  readonly name: string;
  drain(): Promise<void>;
  /** Without a word to anybody: the store is not reached any more. */
  die(): Promise<void>;
}

export interface FakeFrontEnd {
  readonly name: string;
  readonly asked: Neighbour['asked'];
  stop(): Promise<void>;
}

const USERS = ['alice', 'bob', 'carol'];

export async function createSipLab(): Promise<SipLab> {
  const lab = await createLab({ postgres: true });
  await Promise.all(['persistent-chat', 'frontend', 'cms'].map((role) => lab.tls(role)));
  const fake = createFakeChat();
  const told = createInbox<Told>();
  const responses = createInbox<SipResponse>();
  const pods = new Map<string, SipPod & { started: StartedRole }>();
  const frontEnds = new Map<string, FakeFrontEnd>();
  const callers = new Map<string, Caller>();
  let answer: (told: Told) => number | undefined = () => 200;

  await lab.publisher.publish([
    ...globalDocuments,
    topologyDocument(['frontend', 'persistent-chat'].map((role) => ({ role, members: {} }))),
    ...USERS.flatMap((name) =>
      userDocuments({ name, password: `pw-${name}`, spec: { displayName: capital(name) } }),
    ),
  ]);

  const place = {
    host: '127.0.0.1',
    port: lab.postgres.port,
    user: 'linchpin',
    database: 'postgres',
    passwordFile: lab.postgres.passwordFile,
  };
  const { readFile } = await import('node:fs/promises');
  const { passwordFile, ...rest } = place;
  const own = new pg.Client({ ...rest, password: await readFile(passwordFile, 'utf8') });
  await own.connect();
  await migrate(own, migrations);

  /** The answer of a member's client, on the stream that the Front End has to the pod. */
  function onTold(frontEnd: string, frame: Frame, from: string): void {
    const request = parseMessage(frame.message);
    if (!(request instanceof SipRequest)) return;
    const one = toldIn(request);
    told.push(one);
    const status = answer(one);
    if (status === undefined) return;
    const message = SipResponse.to(request, status).toBuffer();
    callers.get(`${frontEnd} ${from}`)?.send({ flow: frame.flow, message });
  }

  async function connect(frontEnd: string, pod: string): Promise<void> {
    const key = `${frontEnd} ${pod}`;
    const port = pods.get(pod)?.started.rpc.port;
    const caller = callAs(
      frontEnd,
      await lab.mtls('frontend', frontEnd),
      'persistent-chat',
      `127.0.0.1:${port}`,
      ({ message }) => {
        const response = parseMessage(message);
        if (response instanceof SipResponse) responses.push(response);
      },
    );
    callers.set(key, caller);
    await caller.up;
  }

  async function startFrontEnd(name: string): Promise<FakeFrontEnd> {
    const neighbour = await startNeighbour({
      role: 'frontend',
      pod: name,
      mtls: await lab.mtls('frontend', name),
      allow: ['persistent-chat'],
      onAsked: (frame, from) => onTold(name, frame, from),
    });
    const announced = await lab.announce({ role: 'frontend', pod: name, address: neighbour.address });
    for (const pod of pods.keys()) await connect(name, pod);
    await vi.waitFor(() => {
      if (neighbour.callers.size < pods.size) throw new Error('no streams yet');
    }, waiting);
    const frontEnd = {
      name,
      asked: neighbour.asked,
      async stop() {
        frontEnds.delete(name);
        for (const [key, caller] of callers) if (key.startsWith(`${name} `)) caller.close();
        await neighbour.stop();
        await announced.stop();
      },
    };
    frontEnds.set(name, frontEnd);
    return frontEnd;
  }

  async function startPod(name: string): Promise<SipPod> {
    let dead = false;
    const config = persistentChatConfig.parse({
      name,
      role: 'persistent-chat',
      dataDir: join(lab.dir, name),
      domain: LAB_DOMAIN,
      rpc: { address: '127.0.0.1', port: 0 },
      http: { address: '127.0.0.1', port: 0 },
      tls: await lab.tls('persistent-chat', name),
      nats: { servers: [lab.natsUrl] },
      postgres: place,
    });
    let drain = async (): Promise<void> => {};
    const started = await startRole({
      role: 'persistent-chat',
      version: '0.0.0',
      config,
      log: createLog({ role: 'persistent-chat', name, level: (process.env.LOG as 'silent') ?? 'silent' }),
      create(given: PersistentChatConfig, host) {
        const made = bridge(given, host, fake, () => dead);
        drain = made.drain;
        return made.role;
      },
    });
    const pod = {
      name,
      started,
      drain: () => drain(),
      async die() {
        dead = true;
        pods.delete(name);
        for (const [key, caller] of callers) if (key.endsWith(` ${name}`)) caller.close();
        await started.stop();
      },
    };
    pods.set(name, pod);
    await vi.waitFor(() => {
      if (started.role.configVersion() === 0) throw new Error('no configuration yet');
    }, waiting);
    for (const frontEnd of frontEnds.keys()) await connect(frontEnd, name);
    return pod;
  }

  async function ask(user: string, uri: string, asking: Asking = {}): Promise<SipResponse> {
    const { method = 'MESSAGE', headers = [], body = '', contentType = 'text/plain', cseq = 1 } = asking;
    const pod = asking.pod ?? [...pods.keys()][0];
    const caller = callers.get(`${[...frontEnds.keys()][0]} ${pod}`);
    const aor = `sip:${address(user)}`;
    const request = SipRequest.create(
      method,
      uri,
      [
        ['Via', `SIP/2.0/TLS frontend-0.${LAB_DOMAIN};branch=${newBranch()}`],
        ['Max-Forwards', '70'],
        ['From', `<${aor}>;tag=${newTag()}`],
        ['To', `<${uri}>${asking.toTag ? `;tag=${asking.toTag}` : ''}`],
        ['Call-ID', asking.callId ?? newCallId()],
        ['CSeq', `${cseq} ${method}`],
        ...(body === '' ? [] : [['Content-Type', contentType] as [string, string]]),
        ...headers,
      ],
      Buffer.from(body as string),
    );
    caller?.send({ flow: `${pod}/by/${aor}`, identity: aor, message: request.toBuffer() });
    const { branch } = request.via;
    return responses.next(({ via, status }) => via.branch === branch && status >= 200, 10_000);
  }

  const sql = async (text: string, values?: unknown[]) => (await own.query(text, values)).rows;

  return {
    lab,
    fake,
    told: told.items,
    toldTo: (user) => told.items.filter(({ member }) => member === address(user)).map(({ text }) => text),
    heard: (user, text) =>
      told.next(
        (one) =>
          one.member === address(user) &&
          (typeof text === 'string' ? one.text === text : text.test(one.text)),
        waiting.timeout,
      ),
    answers(now) {
      answer = now;
    },
    ask,
    async room(name, ...members) {
      const id = fake.add(name, members.map(address));
      const category = randomUUID();
      await sql('INSERT INTO categories (id, name) VALUES ($1, $2)', [category, `of ${id}`]);
      await sql('INSERT INTO rooms (id, category, name) VALUES ($1, $2, $3)', [id, category, name]);
      return id;
    },
    sql,
    startPod,
    port: (pod) => pods.get(pod)?.started.rpc.port ?? 0,
    startFrontEnd,
    async close() {
      for (const caller of callers.values()) caller.close();
      await Promise.all([...pods.values()].map(({ started }) => started.stop()));
      await Promise.all([...frontEnds.values()].map((frontEnd) => frontEnd.stop()));
      await own.end();
      await lab.close();
    },
  };
}

function toldIn(request: SipRequest): Told {
  const [, seq = '0'] = request.get('linchpin-post')?.split('/') ?? [];
  return {
    room: request.from.uri,
    member: request.uri.slice('sip:'.length),
    text: Buffer.from(request.body).toString('utf8'),
    seq: Number(seq),
    request,
  };
}

type Host = Parameters<NonNullable<Parameters<typeof startRole<PersistentChatConfig>>[0]['create']>>[1];

export function bridge(config: PersistentChatConfig, host: Host, fake: FakeChat, isDead: () => boolean) {
  const { log, name: pod } = host;
  const nats = host.nats();
  const { replica, members, directory } = createKnowledge(host, {
    role: 'persistent-chat',
    pool: config.pool,
  });
  if (!host.postgres) throw new Error('no postgres');
  const database = createDatabase({
    pool: host.postgres,
    prepare: async () => {},
    onUnusable() {},
    health: host.health,
    log,
  });
  const mortal: Database = {
    ...database,
    use: (run) => (isDead() ? Promise.reject(new Error('dead')) : database.use(run)),
  };
  const sip = createSip({
    chat: fake.chat,
    pod,
    pool: config.pool,
    domain: config.domain,
    host,
    nats,
    replica,
    members,
    directory,
    database: mortal,
    log,
    timing: { firstRestMs: 50, longestRestMs: 200, partAfterMs: 300, stopMs: 1_000, lookMs: 500 },
  });
  return {
    async drain() {
      await members.announce({ state: 'draining' });
      await sip.drain();
    },
    role: {
      async start() {
        await replica.load();
        replica.follow();
        await database.start();
        members.follow();
        sip.start();
      },
      serving: (rpc: { address: string; port: number }) => joinConfigured(members, replica, undefined, rpc),
      drain: async () => {},
      async stop() {
        await sip.stop();
        await members.stop();
        await replica.stop();
        await database.stop();
      },
      endpoints: () => [],
      configVersion: () => replica.version,
    },
  };
}

const capital = (name: string): string => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
