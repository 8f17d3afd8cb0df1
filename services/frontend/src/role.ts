import {
  closeGently,
  type Draining,
  type Endpoint,
  type Host,
  loadSigningKey,
  type Role,
} from '@linchpin/host';
import { announceDrain, type DocumentChange, joinConfigured } from '@linchpin/topology';
import type { FrontendConfig } from './config.ts';
import type { Fabric } from './fabric/fabric.ts';
import { createHandling, type Handling } from './handling.ts';
import { createKnowledge, type Knowledge } from './knowledge.ts';
import { createNetwork, type Network } from './network.ts';
import { createRefusals } from './signaling/refusals.ts';
import { openSurfaces } from './surfaces.ts';
import { createTelemetry } from './telemetry.ts';
import { createUserStore, type UserStore } from './user-store.ts';
import { createUsers, type Users } from './users.ts';

/** What a test puts in the place of parts that are made here otherwise. */
export interface RoleParts {
  fabric?: Fabric;
}

/** All that a Front End is made of. */
interface Made {
  config: FrontendConfig;
  host: Host;
  knowledge: Knowledge;
  store: UserStore;
  network: Network;
  users: Users;
}

/** Every part of a Front End, made here in order. */
export async function createRole(config: FrontendConfig, host: Host, parts: RoleParts = {}): Promise<Role> {
  const signingKey = await loadSigningKey(host.dataDir, config.signingKeyFile);
  const telemetry = createTelemetry(host.metrics);
  const knowledge: Knowledge = createKnowledge(
    config,
    host,
    (hostPort) => network.listeners.addresses().has(hostPort) || network.remoteFlows.servers.has(hostPort),
  );
  const store: UserStore = createUserStore(
    {
      ...{ config, host },
      members: knowledge.members,
      onWrite: telemetry.write,
      served: () => users.served(),
    },
    parts.fabric,
  );
  const refusals = createRefusals(host.name, host.log, telemetry);
  const network: Network = createNetwork({
    ...{ config, host, knowledge, telemetry, refusals },
    fabric: store.fabric,
    onRequest: (request, flow) => handling.request(request, flow),
    onAck: (ack, flow) => handling.acknowledge(ack, flow),
    onUp: (peer) => users.presence.wayBack(peer),
    onChatDown: (peer) => handling.chatDown(peer),
  });
  const users: Users = createUsers({ config, host, knowledge, network, state: store.fabric.state });
  const handling: Handling = createHandling({
    ...{ config, host, signingKey, knowledge, network, users, refusals, telemetry },
  });
  openSurfaces({ config, host, telemetry, knowledge, network, store, users });
  return roleOf({ config, host, knowledge, store, network, users });
}

function roleOf(made: Made): Role {
  const { config, knowledge, network } = made;
  const { replica, members } = knowledge;
  const { listeners } = network;
  return {
    start: () => start(made),
    serving: (rpc) => joinConfigured(members, replica, config.advertise, rpc),
    drain: (draining) => drain(draining, made),
    stop: () => stop(made),
    endpoints: () =>
      listeners.list().map(({ name, transport, address, port }): Endpoint => {
        return { name, protocol: transport as Endpoint['protocol'], address, port };
      }),
    configVersion: () => replica.version,
    reload: listeners.reload,
  };
}

async function start({ host: { health }, knowledge, store, network, users }: Made): Promise<void> {
  const { replica, members } = knowledge;
  const { fabric, backup } = store;
  const ownersChanged = (): void => health.set('user-state', fabric.loaded, 'not loaded yet', 'not-ready');
  await replica.load();
  if (replica.version === 0) health.set('configuration', false, 'none yet', 'not-ready');
  replica.onChange((changes: readonly DocumentChange[]) => {
    health.set('configuration', true);
    users.documentsChanged(changes);
  });
  replica.follow();
  members.follow();
  fabric.onTaken(users.take);
  fabric.onReleased(users.release);
  fabric.onOwners(ownersChanged);
  backup.start();
  fabric.start();
  ownersChanged();
  await network.listeners.open();
}

/** Clients are moved on to other pods; what they send until then is served, and what is under way has its time. */
async function drain(draining: Draining, { host, knowledge, store, network }: Made): Promise<void> {
  const { layer, listeners, dispatch, busyClients } = network;
  const { fabric } = store;
  await announceDrain(knowledge.members, draining);
  let isHanding = true;
  const handed = fabric.handAllOver().then(() => {
    isHanding = false;
  });
  draining.count(() => ({
    groups: isHanding ? fabric.describe().groups.filter(({ owner }) => owner === host.name).length : 0,
    connections: countOf(listeners.clients()),
    transactions: countOf(layer.underWay()) + dispatch.waiting,
  }));
  await closeGently(draining, {
    open: listeners.clients,
    busy: busyClients.now,
    close: (flow) => flow.close('the server is leaving'),
    refuse: listeners.refuse,
  });
  await handed;
  await draining.idle();
}

async function stop({ knowledge, store, network, users }: Made): Promise<void> {
  users.stop();
  await network.listeners.close();
  network.stop();
  await store.fabric.stop();
  await store.backup.stop();
  await knowledge.members.stop();
  await knowledge.replica.stop();
}

function countOf(things: Iterable<unknown>): number {
  let count = 0;
  for (const _ of things) count++;
  return count;
}
