// The web surface alone, on loopback: real TLS, and rooms in memory behind it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@linchpin/backends';
import { createLog } from '@linchpin/host';
import { LAB_DOMAIN, userDocuments } from '@linchpin/testkit';
import type { EffectiveUser } from '@linchpin/topology';
import { Registry } from 'prom-client';
import { persistentChatConfig } from '../../src/config.ts';
import type { Files } from '../../src/files/files.ts';
import { createRoomRate, type TakeRooms } from '../../src/room-rate.ts';
import { createWeb, type Web } from '../../src/web/web.ts';
import { type Ask, createAsk, signIn } from './ask.ts';
import { createFakeChat, type FakeChat } from './fake-chat.ts';

export interface WebRig {
  readonly dir: string;
  readonly chat: FakeChat;
  readonly web: Web;
  readonly port: number;
  readonly url: string;
  readonly caPath: string;
  readonly agent: Agent;
  readonly log: () => string;
  readonly metrics: Registry;
  /** Users by `alice`; taking one away disables it. */
  readonly users: Map<string, EffectiveUser>;
  addUser(name: string, password?: string): void;
  /** A token without asking for one by digest each time. */
  token(name: string): Promise<string>;
  ask: Ask;
  /** With the token of this user. */
  as(name: string, ...asking: Parameters<Ask>): ReturnType<Ask>;
  close(): Promise<void>;
}

/** No files: for tests that are not about them. */
const noFiles: Files = {
  upload: () => Promise.reject(new Error('no files here')),
  list: async () => [],
  open: () => Promise.reject(new Error('no files here')),
};

export interface WebRigOptions {
  web?: Record<string, unknown>;
  signingKeyFile?: string;
  files?: (chat: FakeChat, dir: string) => Files;
  takeRooms?: TakeRooms;
}

export async function createWebRig(options: WebRigOptions = {}): Promise<WebRig> {
  const dir = await mkdtemp(join(tmpdir(), 'linchpin-web-'));
  const authority = createAuthority(join(dir, 'pki'));
  const [certPath, keyPath] = [join(dir, 'web.pem'), join(dir, 'web.key')];
  await authority.issue({ name: 'web', dns: ['localhost'], ips: ['127.0.0.1'], certPath, keyPath });
  const ca = await readFile(authority.caPath);
  const agent = new Agent({ ca, keepAlive: true });
  const users = new Map<string, EffectiveUser>();
  const lines: string[] = [];
  const log = createLog({ role: 'persistent-chat', name: 'test', level: 'silent' });
  log.error = ((...args: unknown[]) => void lines.push(JSON.stringify(args, withErrors))) as typeof log.error;
  const chat = createFakeChat();
  const metrics = new Registry();
  const config = persistentChatConfig
    .pick({ web: true, domain: true, pool: true, dataDir: true, signingKeyFile: true })
    .parse({
      domain: LAB_DOMAIN,
      dataDir: dir,
      signingKeyFile: options.signingKeyFile,
      web: { address: '127.0.0.1', port: 0, tls: { cert: certPath, key: keyPath }, ...options.web },
    });
  const web = createWeb({
    config,
    chat,
    rejoin: (...asked) => chat.join(...asked),
    takeRooms: options.takeRooms ?? createRoomRate(),
    files: options.files?.(chat, dir) ?? noFiles,
    directory: {
      user: (aor) => users.get(aor.replace('sip:', '').replace(`@${LAB_DOMAIN}`, '')),
      registrar: () => ({ digestAlgorithms: ['MD5', 'SHA-256'] }) as never,
      persistentChat: () =>
        ({ maxMessageCharacters: 8192, maxStoryCharacters: 32_768, maxFileKilobytes: 20_000 }) as never,
    },
    metrics,
    log,
  }) as Web;
  await web.start();
  const tokens = new Map<string, string>();

  const ask = createAsk(() => web.port, agent);

  async function token(name: string): Promise<string> {
    const known = tokens.get(name);
    if (known) return known;
    const made = await signIn(ask, name, `pw-${name}`);
    tokens.set(name, made.json.access_token);
    return made.json.access_token;
  }

  const rig: WebRig = {
    dir,
    chat,
    web,
    get port() {
      return web.port;
    },
    get url() {
      return `https://127.0.0.1:${web.port}`;
    },
    caPath: authority.caPath,
    agent,
    log: () => lines.join('\n'),
    metrics,
    users,
    addUser(name, password = `pw-${name}`) {
      const [user, credential] = userDocuments({ name, password });
      users.set(name, {
        aor: `sip:${name}@${LAB_DOMAIN}`,
        spec: user?.spec,
        credential: credential?.spec,
        persistentChatPolicy: { enabled: true },
      } as unknown as EffectiveUser);
    },
    token,
    ask,
    as: async (name, path, asking = {}) =>
      ask(path, {
        ...asking,
        headers: { authorization: `Bearer ${await token(name)}`, ...asking.headers },
      }),
    async close() {
      agent.destroy();
      await web.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  for (const name of ['alice', 'bob', 'carol']) rig.addUser(name);
  return rig;
}

const withErrors = (_key: string, value: unknown) => (value instanceof Error ? String(value.stack) : value);
