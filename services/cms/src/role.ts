// The parts of CMS, in the order in which they are made.
import { createDatabase, type Host, type HostError, inTransaction, migrate, type Role } from '@linchpin/host';
import { ChatService } from '@linchpin/proto/chat/v1/chat';
import { ComplianceService } from '@linchpin/proto/chat/v1/compliance';
import { announceDrain, createMembers, join } from '@linchpin/topology';
import type { PoolClient } from 'pg';
import { unavailable } from './cms-error.ts';
import type { CmsConfig } from './config.ts';
import { migrations } from './database/migrations.ts';
import { publishDefaults } from './documents/documents.ts';
import { createDocumentsRpc } from './documents/rpc.ts';
import { currentVersion, selectOne } from './documents/store.ts';
import { createCalls } from './pods/calls.ts';
import { passOn } from './pods/pass-on.ts';
import { createPodsRpc } from './pods/rpc.ts';
import { createPush } from './publish/push.ts';
import { createSession } from './publish/session.ts';
import { createReplicas, type Expected } from './replicas/replicas.ts';
import { createReplicasRpc } from './replicas/rpc.ts';
import { addRoutes } from './routes.ts';
import { createTelemetry } from './telemetry.ts';

export function createRole(config: CmsConfig, host: Host): Role {
  const { health, log } = host;
  const nats = host.nats();
  const telemetry = createTelemetry(host.metrics);
  let version = 0;
  const members = createMembers({
    nats,
    self: { pod: host.name, role: 'cms', pool: config.pool, address: '', productVersion: host.version },
    log,
  });

  const database = createDatabase({
    pool: requirePool(host),
    health,
    log,
    async prepare(client) {
      await migrate(client, migrations);
      await inTransaction(client, publishDefaults);
      onVersion(await currentVersion(client));
    },
    onUnusable: (error) => endProcess(host, error),
    unavailable: (why) => unavailable(why),
  });
  const replicas = createReplicas(nats, telemetry, log);
  const { bucketReplicas } = config;
  const session = createSession({
    options: requirePool(host).options,
    onActive(active) {
      telemetry.active.set(Number(active));
      pushing.look();
    },
    onStored: () => pushing.look(),
    onHandedOver: (handed) => pushing.handedOver(handed),
    log,
  });
  const pushing = createPush({
    database,
    nats,
    bucketReplicas,
    isActive: () => session.active,
    onHandedOver: session.handedOver,
    onVersion,
    telemetry,
    health,
    log,
  });

  function onVersion(current: number): void {
    version = current;
    replicas.onVersion(current);
  }

  const stored = () =>
    database.use(async (client) => ({
      version: await currentVersion(client),
      expected: await podsWithReplica(client),
    }));

  const pods = createPodsRpc({
    members,
    calls: createCalls(host.mtls),
    connected: () => nats.connected,
    poolOf: (aor) => database.use((client) => poolOfUser(client, aor)),
    log,
  });
  const passedOn = [ChatService, ComplianceService].map((service) =>
    passOn(service, { role: 'persistent-chat', list: pods.list, mtls: host.mtls }),
  );
  addRoutes(
    host.rpc,
    {
      ...createDocumentsRpc({ database, push: pushing.push, onVersion, telemetry, log }),
      ...createReplicasRpc({ nats, replicas, stored }),
      ...pods.methods,
    },
    passedOn,
  );

  return {
    async start() {
      await database.start();
      replicas.start();
      pushing.start();
      await session.start();
      members.follow();
    },
    serving: (rpc) => join(members, config.advertise, rpc),
    // Another pod hands over what is published from now on: it takes the lock that this one gives away.
    async drain(draining) {
      await announceDrain(members, draining);
      await pushing.stop();
      await session.stop();
    },
    async stop() {
      for (const { close } of passedOn) close();
      await members.stop();
      replicas.stop();
      await pushing.stop();
      await session.stop();
      await database.stop();
    },
    endpoints: () => [],
    configVersion: () => version,
    describe: () => ({ active: session.active }),
  };
}

function requirePool({ postgres }: Host) {
  if (postgres === undefined) throw new Error('the configuration has no postgres');
  return postgres;
}

async function poolOfUser(client: PoolClient, aor: string): Promise<string | undefined> {
  const user = await selectOne(client, 'User', aor.replace(/^sip:/, ''));
  return user?.spec.pool;
}

/** The pods of the topology, but for CMS itself: it has the originals. */
async function podsWithReplica(client: PoolClient): Promise<Expected[]> {
  const topology = await selectOne(client, 'Topology', 'global');
  return (topology?.spec.pools ?? [])
    .filter(({ role }) => role !== 'cms')
    .flatMap(({ role, members }) => members.map(({ name }) => ({ pod: name, role })));
}

// PostgreSQL was away when the process started, and came with tables that only a newer release understands.
function endProcess(host: Host, error: HostError): never {
  host.log.fatal(error.message);
  process.stderr.write(`${error.message}\n`);
  process.exit(error.exitCode);
}
