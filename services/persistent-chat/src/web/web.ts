// People's clients by HTTPS: every part of the surface, in the order in which they are made.
import { createAttempts, createBuckets, type Draining, type Logger, loadSigningKey } from '@linchpin/host';
import { createNonces } from '@linchpin/sip';
import type { Directory } from '@linchpin/topology';
import type { Registry } from 'prom-client';
import type { Chat } from '../chat.ts';
import type { PersistentChatConfig } from '../config.ts';
import type { Files } from '../files/files.ts';
import type { TakeRooms } from '../room-rate.ts';
import { createAuthentication, tiedTo } from './authentication.ts';
import { createDispatch } from './dispatch.ts';
import { createMatcher } from './match.ts';
import { createOpenApi } from './openapi.ts';
import { createOrigins } from './origins.ts';
import { createListener, type Listener } from './server.ts';
import { createStreams, type Streams } from './streams.ts';
import { table } from './table.ts';
import { createWebTelemetry } from './telemetry.ts';
import { createTokens, type Tokens } from './tokens.ts';

export interface WebParts {
  config: Pick<PersistentChatConfig, 'web' | 'domain' | 'pool' | 'dataDir' | 'signingKeyFile'>;
  chat: Chat;
  /** As `chat.join` for who has taken the room before, by `takeRooms`. */
  rejoin: Chat['join'];
  takeRooms: TakeRooms;
  files: Files;
  directory: Pick<Directory, 'user' | 'registrar' | 'persistentChat'>;
  metrics: Registry;
  log: Logger;
}

export interface Web {
  /** 0 where it does not listen. */
  readonly port: number;
  /** Event streams that are open. */
  readonly streams: number;
  start(): Promise<void>;
  drain(draining: Draining): Promise<void>;
  reload(): Promise<void>;
  stop(): Promise<void>;
}

/** Undefined where the configuration has none. */
export function createWeb(parts: WebParts): Web | undefined {
  const { enabled, tls } = parts.config.web;
  if (!enabled || tls === undefined) return undefined;
  let running: Running | undefined;

  return {
    get port() {
      return running?.listener.port ?? 0;
    },
    get streams() {
      return running?.streams.size ?? 0;
    },
    async start() {
      running = await make(parts, tls);
      await running.listener.start();
    },
    drain: async (draining) => running?.listener.drain(draining),
    reload: async () => running?.listener.reload(),
    async stop() {
      running?.streams.stop();
      await running?.listener.stop();
      running = undefined;
    },
  };
}

interface Running {
  listener: Listener;
  streams: Streams;
}

async function make(parts: WebParts, tls: { cert: string; key: string }): Promise<Running> {
  const { config, chat, rejoin, takeRooms, files, directory, metrics, log } = parts;
  const { web, domain, pool } = config;
  const { limits } = web;
  const signingKey = await loadSigningKey(config.dataDir, config.signingKeyFile);
  const telemetry = createWebTelemetry(metrics);
  const tied = (user: string) => tiedTo(directory, user);
  const tokens = createTokens({ key: signingKey('web token'), seconds: web.tokenSeconds, tied });
  const nonces = createNonces({ key: signingKey('web nonce'), lifetime: web.nonceSeconds });
  const { failuresPerSource: source, failuresPerUser: account } = limits;
  const attempts = createAttempts({ source, account });
  const authentication = createAuthentication({ directory, domain, nonces, tokens, attempts });
  const streams = createStreams({
    chat: { join: rejoin, history: chat.history, watchAlerts: chat.watchAlerts },
    takeRooms,
    limits: { ...web.streams, idleSeconds: limits.idleSeconds },
    isAllowed: authentication.isAllowed,
    telemetry,
    log,
  });
  const dispatch = createDispatch({
    match: createMatcher(table),
    authentication,
    origins: createOrigins(web.origins),
    perUser: createBuckets(limits.perUser),
    perSource: createBuckets(limits.perSource),
    atOncePerUser: limits.atOncePerUser,
    body: { bytes: limits.bodyBytes, seconds: limits.bodySeconds },
    administrators: new Set(web.administrators),
    routes: {
      chat,
      files,
      streams,
      tokenFor: (user) => tokenAnswer(tokens, user),
      serverInfo: (user) => serverInfo(user, pool, directory),
      openApi: createOpenApi,
    },
    telemetry,
    log,
  });
  return {
    listener: createListener({ config: { ...web, tls }, dispatch, streams, telemetry, log }),
    streams,
  };
}

const tokenAnswer = (tokens: Tokens, user: string) => ({
  access_token: tokens.issue(user),
  token_type: 'Bearer' as const,
  expires_in: tokens.seconds,
});

function serverInfo(user: string, pool: string, directory: Pick<Directory, 'persistentChat'>) {
  const limits = directory.persistentChat(pool);
  return {
    user,
    pool,
    maxMessageCharacters: limits.maxMessageCharacters,
    maxStoryCharacters: limits.maxStoryCharacters,
    maxSearchResults: limits.maxSearchResults,
    maxFileBytes: limits.maxFileKilobytes * 1000,
    blockedFileTypes: limits.blockedFileTypes,
    chatHistory: limits.defaultChatHistory,
    rosterLimit: limits.rosterLimit,
    roomManagementUrl: limits.roomManagementUrl,
  };
}
