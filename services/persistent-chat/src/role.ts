// The parts of Persistent Chat, in the order in which they are made.
import {
  createPostgres,
  type Host,
  type HostError,
  type Migrations,
  migrate,
  type Role,
} from '@linchpin/host';
import { announceDrain, createKnowledge, joinConfigured } from '@linchpin/topology';
import type { Pool } from 'pg';
import { selectCategoriesOf } from './access/categories-of.ts';
import { createAccess } from './access/create-access.ts';
import { createNotices } from './access/notices.ts';
import { createPrincipals } from './access/principals.ts';
import { createWall } from './access/wall.ts';
import { createAlerts } from './alerts/alerts.ts';
import { createTopics } from './alerts/topics.ts';
import { createCategories } from './categories/categories.ts';
import { selectPolicies } from './categories/policies.ts';
import type { Chat } from './chat.ts';
import { createCompliance } from './compliance/compliance.ts';
import { complianceMigrations } from './compliance/migrations.ts';
import type { PersistentChatConfig } from './config.ts';
import { createDatabase, type Database } from './database/database.ts';
import { migrations } from './database/migrations.ts';
import { createFileCheck, createFilesOfPod } from './files/create-files.ts';
import { createJournal } from './journal/journal.ts';
import { oldestSeconds } from './journal/outbox.ts';
import { createMessages } from './messages/messages.ts';
import { createRoomRate } from './room-rate.ts';
import { createEntering } from './rooms/entering.ts';
import { createFind } from './rooms/find.ts';
import { createRooms } from './rooms/rooms.ts';
import { addRoutes } from './routes.ts';
import { type AnyCall, administrator } from './rpc/caller.ts';
import { createChatRpc } from './rpc/rpc.ts';
import { createSessions } from './sessions/sessions.ts';
import { createSip } from './sip/sip.ts';
import { createTelemetry } from './telemetry.ts';
import { createWeb } from './web/web.ts';

/** The role, and what it does for whoever runs it in the same process. */
export interface PersistentChat extends Role {
  readonly chat: Chat;
}

export async function createRole(config: PersistentChatConfig, host: Host): Promise<PersistentChat> {
  const { health, log, metrics, name: pod } = host;
  const { domain, pool, queue } = config;
  const nats = host.nats();
  const telemetry = createTelemetry(metrics);
  const { replica, members, directory } = createKnowledge(host, { role: 'persistent-chat', pool });
  const limits = () => directory.persistentChat(pool);

  const postgres = requirePool(host);
  const database = databaseOf(host, postgres, migrations);
  const compliancePool = config.compliance && (await createPostgres(config.compliance.postgres, pod, log));
  const complianceDatabase =
    compliancePool && databaseOf(host, compliancePool, complianceMigrations, 'compliance store');
  const journal = createJournal({ nats, database, pod, queue, health, log });
  const compliance = createCompliance({
    nats,
    database: complianceDatabase,
    config: config.compliance,
    queue,
    interval: () => limits().complianceIntervalMinutes,
    policies: (scopes) => database.use((client) => selectPolicies(client, scopes)),
    unqueuedSeconds: (enough) => database.use((client) => oldestSeconds(client, enough)),
    now: members.now,
    administrator: (call) => administrator(call as AnyCall),
    metrics,
    health,
    log,
  });

  const principals = createPrincipals({
    ...directory,
    get configured() {
      return replica.version > 0;
    },
  });
  const notices = createNotices({ options: postgres.options, replica, log });
  const access = createAccess({ database, principals, notices });
  const wall = createWall({ principals, limits });

  const takeRooms = createRoomRate();
  const alerts = createAlerts({ nats, pod, database, access, notices, metrics, log });
  const messages = createMessages({
    database,
    journal: {
      ...journal,
      // Here and not where events become known: others find out what a pod has left behind, and nobody is alerted twice.
      committed(events) {
        journal.committed(events);
        alerts.onCommitted(events);
      },
    },
    access,
    principalsOf: principals.of,
    limits,
    takeRooms,
    domain,
    isComplianceThere: compliance.healthy,
    withHolds: compliance.withHolds,
    checkFiles: createFileCheck(database),
    onBatch(posts, seconds) {
      telemetry.posts.inc(posts);
      telemetry.batchSeconds.observe(seconds);
    },
    log,
  });
  const sessions = createSessions({
    ...{ nats, pod, database, journal, access, members, messages, limits, takeRooms, log },
  });
  telemetry.observeSessions(sessions.counts);
  const { files, sweeper } = createFilesOfPod({
    config,
    database,
    standing: access.standing,
    noteFile: messages.noteFile,
    isComplianceThere: compliance.healthy,
    limits,
    withHolds: compliance.withHolds,
    metrics,
    log,
  });

  // What is purged is gone, with the files that only it had.
  journal.onEvents((_, events) => {
    if (events.some(({ kind }) => kind === 'purged')) sweeper.soon();
  });

  const { countUnread } = messages;
  const { tell } = notices;
  const categoriesOf = selectCategoriesOf;
  const entering = createEntering({ wall, limits });
  const chat: Chat = {
    ...createCategories({ database, journal, principals, categoriesOf, wall, tell }),
    ...createRooms({
      ...{ database, journal, access, principals, wall, entering, countUnread, tell },
      ...{
        isHeld: compliance.isHeld,
        withHolds: compliance.withHolds,
        holdsAreSeen: compliance.holdsAreSeen,
      },
      purgeAll: messages.purgeAll,
    }),
    ...createFind({ database, access, principals, categoriesOf, countUnread, limits }),
    ...messages,
    ...createTopics({ database, access, principals, tell, limits, search: messages.search }),
    watchAlerts: alerts.watchAlerts,
    join: sessions.join,
  };

  addRoutes(host.rpc, {
    chat: createChatRpc(chat, (method, result) => telemetry.calls.inc({ method, result })),
    compliance: compliance.handlers,
  });
  const web = createWeb({
    ...{ config, chat, takeRooms, files, directory, metrics, log },
    rejoin: sessions.rejoin,
  });
  const sip = createSip({
    ...{ chat, pod, pool, domain, host, nats, replica, members, directory, database, log },
    rejoin: sessions.rejoin,
  });

  return {
    chat,
    async start() {
      await replica.load();
      replica.follow();
      await Promise.all([database.start(), complianceDatabase?.start()]);
      alerts.start();
      notices.start();
      journal.start();
      compliance.start();
      messages.start();
      sessions.start();
      sweeper.start();
      members.follow();
      sip.start();
      await web?.start();
    },
    serving: (rpc) => joinConfigured(members, replica, config.advertise, rpc),
    // People are told to come back through another pod, and what they have said is stored.
    async drain(draining) {
      await announceDrain(members, draining);
      draining.count(() => ({ sessions: sessions.counts().sessions, streams: web?.streams ?? 0 }));
      // First, for who is told to come back would come back to this pod.
      await sip.drain();
      await Promise.all([sessions.drain(), web?.drain(draining)]);
      await draining.idle();
    },
    async stop() {
      await web?.stop();
      await sip.stop();
      await sessions.stop();
      await messages.stop();
      await alerts.stop();
      await sweeper.stop();
      // Each of them waits some seconds for a NATS that does not answer.
      await Promise.all([members.stop(), journal.stop(), compliance.stop()]);
      await notices.stop();
      await Promise.all([database.stop(), complianceDatabase?.stop()]);
      await compliancePool?.end();
      await replica.stop();
    },
    endpoints: () =>
      web && web.port > 0
        ? [{ name: 'web', protocol: 'http', address: config.web.address, port: web.port }]
        : [],
    configVersion: () => replica.version,
    describe: () => ({ ...sessions.counts(), topics: alerts.topics, compliance: compliance.healthy() }),
    reload: async () => web?.reload(),
  };
}

function requirePool({ postgres }: Host): Pool {
  if (postgres === undefined) throw new Error('the configuration has no postgres');
  return postgres;
}

function databaseOf(host: Host, pool: Pool, tables: Migrations, check?: string): Database {
  const { health, log } = host;
  return createDatabase({
    pool,
    ...(check !== undefined && { check }),
    prepare: async (client) => void (await migrate(client, tables)),
    onUnusable: (error) => endProcess(host, error),
    health,
    log,
  });
}

// PostgreSQL was away when the process started, and came with tables that only a newer release understands.
function endProcess(host: Host, error: HostError): never {
  host.log.fatal(error.message);
  process.stderr.write(`${error.message}\n`);
  process.exit(error.exitCode);
}
