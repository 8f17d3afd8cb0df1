import {
  closeGently,
  type Endpoint,
  type Host,
  loadSigningKey,
  newTraceparent,
  type Role,
} from '@linchpin/host';
import { FrontendService } from '@linchpin/proto/frontend/v1/frontend';
import { RelayService } from '@linchpin/proto/relay/v1/relay';
import { createNonces, createProxy, createTransactionLayer, type Flow } from '@linchpin/sip';
import {
  announceDrain,
  BLOCKED_CONTAINER,
  createDirectory,
  createMembers,
  createReplica,
  type Directory,
  type DocumentChange,
  type EffectiveUser,
  joinConfigured,
  type Replica,
} from '@linchpin/topology';
import { createFrontendRpc } from './admin/rpc.ts';
import { createAuthentication } from './authentication/authentication.ts';
import { withoutCredentials } from './authentication/credentials.ts';
import { createBackup } from './backup/backup.ts';
import type { FrontendConfig } from './config.ts';
import { createConversations } from './conversations/conversations.ts';
import { createHops, deviceMark } from './conversations/hops.ts';
import { createRecipients } from './conversations/recipients.ts';
import { createFabric, type Fabric } from './fabric/fabric.ts';
import { createHome } from './home/home.ts';
import { containerFor } from './presence/containers.ts';
import { createPresence } from './presence/index.ts';
import type { Binding } from './registrar/binding.ts';
import { createBindings } from './registrar/bindings.ts';
import { createEviction } from './registrar/eviction.ts';
import { createFlowWatch } from './registrar/flow-watch.ts';
import { createRegistrar } from './registrar/registrar.ts';
import { createIsForRoom, createIsRoom } from './rooms/is-room.ts';
import { createRooms } from './rooms/rooms.ts';
import { createRoutes } from './routes.ts';
import { createBegun } from './signaling/begun.ts';
import { createBusyClients } from './signaling/busy-clients.ts';
import { createCancels } from './signaling/cancels.ts';
import { createDispatch } from './signaling/dispatch.ts';
import { malformedAs, retryAfter, survive, withoutAnswer } from './signaling/failures.ts';
import { createFlows } from './signaling/flows.ts';
import { closed, podOf } from './signaling/frames.ts';
import { createInbound } from './signaling/inbound.ts';
import { createLinks } from './signaling/links.ts';
import { createListeners } from './signaling/listeners.ts';
import { takeOwnRoutes } from './signaling/own-routes.ts';
import { createPeers } from './signaling/peers.ts';
import { createRefusals } from './signaling/refusals.ts';
import { createRelayedTransactions } from './signaling/relayed.ts';
import { isRemote } from './signaling/remote-flow.ts';
import { createRemoteFlows } from './signaling/remote-flows.ts';
import { createCalls } from './signaling/served-call.ts';
import { createTrust } from './signaling/trust.ts';
import { createTelemetry } from './telemetry.ts';
import { uriTransport } from './uri-transport.ts';

/** What a test puts in the place of parts that are made here otherwise. */
export interface RoleParts {
  fabric?: Fabric;
}

/** Every part of a Front End, made here in order. */
export async function createRole(config: FrontendConfig, host: Host, parts: RoleParts = {}): Promise<Role> {
  const { log, name: pod, mtls } = host;
  const nats = host.nats();
  const signingKey = await loadSigningKey(host.dataDir, config.signingKeyFile);
  const telemetry = createTelemetry(host.metrics);

  const replica = createReplica({
    dir: `${host.dataDir}/replica`,
    buckets: ['config', 'directory'],
    nats,
    pod,
    role: host.role,
    productVersion: host.version,
    log,
  });
  const members = createMembers({
    nats,
    self: { pod, role: 'frontend', pool: config.pool, address: '', productVersion: host.version },
    onClock: (offset) => host.health.set('clock', offset === 0, clockComplaint(offset)),
    log,
  });
  const directory = createDirectory(replica, members);
  const isRoom = createIsRoom(directory);
  const home = createHome({
    pod,
    directory,
    isAddress: (hostPort) => listeners.addresses().has(hostPort) || remoteFlows.servers.has(hostPort),
  });
  const backup = createBackup({
    postgres: host.postgres,
    pool: config.pool,
    pod,
    source: { entry: (key) => fabric.entry(key), entriesOfGroup: (group) => fabric.entriesOfGroup(group) },
    health: host.health,
    log,
    metrics: host.metrics,
  });
  const fabric: Fabric =
    parts.fabric ??
    createFabric({
      nats,
      members,
      pool: config.pool,
      pod,
      replicas: config.state.replicas,
      patience: config.state.patienceSeconds * 1000,
      onWrite: telemetry.write,
      backup,
      figures: () => ({ backupLag: backup.lag(), ...served() }),
      log,
    });
  const { state } = fabric;

  const layer = createTransactionLayer({
    onRequest: (request, flow) => inbound(request, flow),
    onAck(ack, flow) {
      if (!dispatch.follow(ack, flow)) withoutAnswer(() => conversations.acknowledge(ack, flow), log);
    },
    onCancel: (cancel, flow) => dispatch.follow(cancel, flow) || cancels.take(cancel, flow),
    onStray: (response, flow) => dispatch.response(response, flow),
  });
  const remoteFlows = createRemoteFlows({
    pod,
    domain: config.domain,
    send: (to, frame) => (to === pod ? peers.toClient(frame) : links.send(to, frame)),
  });
  const links = createLinks({
    pod,
    mtls,
    replica,
    members,
    directory,
    onFrame: (frame, from) => peers.answered(frame, from),
    onUp(peer) {
      dispatch.look();
      presence.wayBack(peer);
    },
    onFrontEndDown(peer) {
      dispatch.podGone();
      cancels.podGone(peer);
    },
    onChatDown: (peer) => rooms.podGone(peer),
    onGone: remoteFlows.podGone,
    onAgain: remoteFlows.podAgain,
    log,
  });
  const peers = createPeers({
    pod,
    flows: remoteFlows,
    here: (id) => flows.here(id),
    layer,
    trust: createTrust({ pod, roleOf: (name) => directory.poolOf(name)?.role, isRoom }),
    isFrontEnd: links.isFrontEnd,
    onDenied: (answer, flow, from) => cancels.denied(answer, flow, from),
    onToClient(flow, message) {
      busyClients.passed(flow, message);
      if (flow) dispatch.told(flow, message);
    },
    tellFrontEnds: links.tellFrontEnds,
    onFrontEndGone: () => dispatch.podGone(),
    log,
  });
  const cancels = createCancels({
    others: () => links.frontEndsUp,
    ask: links.send,
    tell: peers.send,
    find: (id) => flows.find(id),
  });
  const busyClients = createBusyClients(layer);
  const dispatch = createDispatch({
    pod,
    domain: config.domain,
    owners: fabric,
    isHomed: (aor) => home.find(aor) !== undefined,
    links: {
      isUp: links.isUp,
      isFrontEnd: links.isFrontEnd,
      send(to, frame) {
        busyClients.passed(flows.connection(frame.flow), frame.message);
        return links.send(to, frame);
      },
    },
    layer,
    relayed: createRelayedTransactions(),
    onRelayed: telemetry.relayed,
    patience: config.state.patienceSeconds * 1000,
  });
  const listeners = createListeners(config, {
    idPrefix: `${pod}/`,
    viaHost: `${pod}.${config.domain}`,
    onMessage: (message, flow) => survive(() => layer.receive(message, flow), log),
    onFlow: (flow) => flows.add(flow),
    onMalformed: (error, flow) => {
      telemetry.malformed(flow.transport);
      const { request, status, reason } = error;
      if (request !== undefined)
        return [refusals(malformedAs(status, reason), { request, flow, traceparent: newTraceparent() })];
      log.debug({ reason, flow: flow.id }, 'malformed message');
      return undefined;
    },
  });
  const flows = createFlows({
    pod,
    remote: remoteFlows,
    udp: () => listeners.list().filter(({ transport }) => transport === 'udp'),
    pods: links,
    connect: listeners.connect,
    onClosed({ id, identity }) {
      remoteFlows.ended(id);
      // Who has not signed in is known to nobody else.
      if (identity !== '') links.tellFrontEnds(closed(id));
    },
  });

  const bindings = createBindings({
    state,
    log,
    onRemoved: (aor) => presence.bindingsChanged(aor),
    now: members.now,
  });
  const watch = createFlowWatch(config.registrar.graceSeconds * 1000, (flowId, aor) => {
    const lost = bindings.of(aor).filter((binding) => binding.flowId === flowId);
    // A pod that was cut off for a while comes back with its connections.
    for (const binding of lost.filter(flows.isOpen)) rewatch(aor, binding);
    const isLost = (binding: Binding) => binding.flowId === flowId && !flows.isOpen(binding);
    bindings.remove(aor, isLost, 'connection lost');
  });
  const eviction = createEviction({
    bindings,
    find: home.find,
    flow: flows.find,
    // Rooms are nobody's accounts.
    connections: () => [...flows.all()].filter(({ identity }) => !isRoom(identity)),
    isBarred(user, flowId) {
      const edge = directory.poolOf(podOf(flowId));
      if (edge?.role !== 'edge') return false;
      return !(user.externalAccessPolicy.outsideAccess && directory.accessEdge(edge.name).allowOutsideUsers);
    },
    log,
  });
  const register = createRegistrar({
    bindings,
    watch,
    isHere: (request) =>
      home.isLocalDomain(request.parsedUri.host.toLowerCase()) || home.isServer(request.parsedUri),
    homed: home.homed,
    isOpen: flows.isOpen,
    onChange: (aor) => presence.bindingsChanged(aor),
    flowTimer: config.registrar.flowTimer,
    log,
    now: members.now,
  });

  const hops = createHops(signingKey('route'));
  const proxy = createProxy({
    layer,
    schemes: ['sip'],
    routeHere: (uri) => hops.tokenIn(uri) ?? (home.isServer(uri) ? '' : undefined),
  });
  const conversations = createConversations({
    proxy,
    hops,
    recipients: createRecipients<Binding>({
      homed: home.homed,
      isLocalDomain: home.isLocalDomain,
      isBlocked: (sender, user) => isBlocked(sender, user, directory),
      endpoints: bindings.of,
      wayTo: flows.wayTo,
      isOpen: flows.isOpen,
      isDead: flows.isDead,
      find: flows.find,
      deviceMark,
    }),
    instanceAt: (aor, flow) => bindings.of(aor).find(({ flowId }) => flowId === flow.id)?.instance,
    withoutCredentials: (request) => withoutCredentials(request, directory.isLocalDomain),
    takeOwnRoutes: (request) => takeOwnRoutes(proxy, request),
    explain: (refused, call) => refusals(refused, call),
    telemetry,
  });
  const presence = createPresence({
    layer,
    state,
    directory,
    bindings: bindings.of,
    flow: flows.find,
    contactFor: (flow: Flow) => `sip:${flow.sentBy};transport=${uriTransport(flow.transport)}`,
    log,
    metrics: host.metrics,
    now: members.now,
  });

  const rooms = createRooms({
    layer,
    pods: () => directory.roleMembers('persistent-chat').map(({ name }) => name),
    isUp: links.isUp,
    isDraining: (name) => members.get(name)?.state === 'draining',
    speaker: remoteFlows.speaker,
    withoutCredentials: (request) => withoutCredentials(request, directory.isLocalDomain),
    retryAfter,
    telemetry,
  });

  const refusals = createRefusals(pod, log, telemetry);
  const inbound = createInbound({
    layer,
    proxy,
    routes: createRoutes({
      register,
      presence,
      conversations,
      rooms,
      isForRoom: createIsForRoom(isRoom),
      isServer: (request) => home.isServer(request.parsedUri),
    }),
    authenticate: createAuthentication({
      directory,
      nonces: createNonces({ key: signingKey(`nonce ${pod}`), lifetime: config.nonceLifetime }),
      isRemote,
      isRoom,
    }),
    readHop: hops.read,
    createCall: createCalls(refusals, telemetry),
    isOpen: (flowId) => flows.find(flowId)?.closed === false,
    dispatch,
    begun: createBegun(),
    isLoaded: () => replica.version > 0,
    refusals,
    telemetry,
    log,
  });
  telemetry.watch({
    users: () => served().users,
    registrations: () => served().registrations,
    flows: () => flows.size,
    peers: () => links.frontEndsUp.length,
    held: () => dispatch.waiting,
    groups() {
      const { groups } = fabric.describe();
      const count = (isIt: (group: (typeof groups)[number]) => boolean) => groups.filter(isIt).length;
      return { owned: count(({ owner }) => owner === pod), warm: count(({ here }) => here === 'warm') };
    },
    transactions: layer.stats,
  });
  host.rpc.addService(
    RelayService,
    { connect: peers.handler },
    { allow: ['director', 'frontend', 'persistent-chat'] },
  );
  host.rpc.addService(
    FrontendService,
    createFrontendRpc({
      pod,
      isHomed: (aor) => home.find(aor) !== undefined,
      endpoints: bindings.of,
      presence: (aor) => ({ note: '', ...presence.describe(aor) }),
      pool: config.pool,
      records: () => members.list('frontend', config.pool),
      serves: fabric.serves,
      sequenceOf: (group) => fabric.describe().groups[group]?.lastSequence ?? 0,
      backupLagOf: backup.lag,
      now: members.now,
    }),
    // CMS asks for administrators who reach nobody else.
    { allow: ['admin', 'cms'] },
  );

  function configurationChanged(changes: readonly DocumentChange[]): void {
    host.health.set('configuration', true);
    eviction.directoryChanged(changes);
    presence.directoryChanged(affectedUsers(changes, replica));
  }

  /** The group is served here now, and its state is in memory: what another process left is taken up where it was. */
  function take(group: number): void {
    bindings.take(group);
    for (const aor of bindings.usersOf(group)) for (const binding of bindings.of(aor)) rewatch(aor, binding);
    if (replica.version > 0) eviction.take(group);
    presence.take(group);
  }

  function release(group: number): void {
    presence.release(group);
    bindings.release(group);
  }

  function ownersChanged(): void {
    host.health.set('user-state', fabric.loaded, 'not loaded yet', 'not-ready');
  }

  function served(): { users: number; registrations: number } {
    return { users: bindings.users().size, registrations: bindings.count };
  }

  function rewatch(aor: string, binding: Binding): void {
    const flow = flows.revive(binding);
    if (flow) watch.watch(flow, aor);
    else watch.gone(binding.flowId, aor);
  }

  return {
    async start() {
      await replica.load();
      if (replica.version === 0) host.health.set('configuration', false, 'none yet', 'not-ready');
      replica.onChange(configurationChanged);
      replica.follow();
      members.follow();
      fabric.onTaken(take);
      fabric.onReleased(release);
      fabric.onOwners(ownersChanged);
      backup.start();
      fabric.start();
      ownersChanged();
      await listeners.open();
    },
    serving: (rpc) => joinConfigured(members, replica, config.advertise, rpc),
    /** Clients are moved on to other pods; what they send until then is served, and what is under way has its time. */
    async drain(draining) {
      await announceDrain(members, draining);
      let isHanding = true;
      const handed = fabric.handAllOver().then(() => {
        isHanding = false;
      });
      draining.count(() => ({
        groups: isHanding ? fabric.describe().groups.filter(({ owner }) => owner === pod).length : 0,
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
    },
    async stop() {
      // First, or the connections that close now would take the bindings of their clients with them.
      watch.stop();
      bindings.stop();
      presence.stop();
      await listeners.close();
      dispatch.stop();
      peers.close();
      links.stop();
      remoteFlows.stop();
      layer.close();
      await fabric.stop();
      await backup.stop();
      await members.stop();
      await replica.stop();
    },
    endpoints: () =>
      listeners.list().map(({ name, transport, address, port }): Endpoint => {
        return { name, protocol: transport as Endpoint['protocol'], address, port };
      }),
    configVersion: () => replica.version,
    reload: listeners.reload,
  };
}

/** Privacy mode hides presence from who is not listed; only a block keeps messages and calls away. */
function isBlocked(sender: string, user: EffectiveUser, directory: Directory): boolean {
  if (user.spec.containers === undefined) return false;
  const sameEnterprise = directory.isLocalDomain(sender.slice(sender.lastIndexOf('@') + 1));
  const open = { ...user, presencePolicy: { ...user.presencePolicy, privacyMode: false } };
  return containerFor({ aor: sender, sameEnterprise }, open) === BLOCKED_CONTAINER;
}

function countOf(things: Iterable<unknown>): number {
  let count = 0;
  for (const _ of things) count++;
  return count;
}

/** Users whose own documents have changed; all of them where a policy or the topology has. */
function affectedUsers(changes: readonly DocumentChange[], replica: Replica): string[] {
  const personal = changes.every(({ kind }) => kind === 'User' || kind === 'Credential');
  return personal
    ? changes.filter(({ kind }) => kind === 'User').map(({ name }) => name)
    : [...replica.list('User')].map(({ name }) => name);
}

const clockComplaint = (offset: number): string =>
  `${Math.abs(Math.round(offset / 1000))} s ${offset < 0 ? 'ahead of' : 'behind'} NATS: synchronise it`;
