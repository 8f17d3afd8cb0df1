import type { Host } from '@linchpin/host';
import type { Flow } from '@linchpin/sip';
import type { DocumentChange, Replica } from '@linchpin/topology';
import type { FrontendConfig } from './config.ts';
import type { UserState } from './fabric/user-state.ts';
import type { Knowledge } from './knowledge.ts';
import type { Network } from './network.ts';
import { createPresence, type Presence } from './presence/index.ts';
import type { Binding } from './registrar/binding.ts';
import { type Bindings, createBindings } from './registrar/bindings.ts';
import { createEviction } from './registrar/eviction.ts';
import { createFlowWatch } from './registrar/flow-watch.ts';
import { createRegistrar } from './registrar/registrar.ts';
import type { Call } from './signaling/call.ts';
import { podOf } from './signaling/frames.ts';
import { uriTransport } from './uri-transport.ts';

export interface UsersParts {
  config: FrontendConfig;
  host: Host;
  knowledge: Knowledge;
  network: Pick<Network, 'layer' | 'flows'>;
  state: UserState;
}

/** Where the users that are served here are signed in, and their presence. */
export interface Users {
  bindings: Bindings;
  presence: Presence;
  /** REGISTER. */
  register(call: Call): Promise<void>;
  /** The group is served here now, and its state is in memory: what another process left is taken up where it was. */
  take(group: number): void;
  release(group: number): void;
  documentsChanged(changes: readonly DocumentChange[]): void;
  /** How many are signed in. */
  served(): { users: number; registrations: number };
  /** Before the listeners are closed, or the connections that close then would take the bindings of their clients with them. */
  stop(): void;
}

export function createUsers({ config, host, knowledge, network, state }: UsersParts): Users {
  const { log } = host;
  const { replica, members, directory, home, isRoom } = knowledge;
  const { flows } = network;

  const bindings = createBindings({
    state,
    log,
    onRemoved: (aor) => presence.bindingsChanged(aor),
    now: members.now,
  });
  const watch = createFlowWatch(config.registrar.graceSeconds * 1000, lost);
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
  const presence = createPresence({
    layer: network.layer,
    state,
    directory,
    bindings: bindings.of,
    flow: flows.find,
    contactFor: (flow: Flow) => `sip:${flow.sentBy};transport=${uriTransport(flow.transport)}`,
    log,
    metrics: host.metrics,
    now: members.now,
  });

  function lost(flowId: string, aor: string): void {
    const onFlow = bindings.of(aor).filter((binding) => binding.flowId === flowId);
    // A pod that was cut off for a while comes back with its connections.
    for (const binding of onFlow.filter(flows.isOpen)) rewatch(aor, binding);
    const isLost = (binding: Binding) => binding.flowId === flowId && !flows.isOpen(binding);
    bindings.remove(aor, isLost, 'connection lost');
  }

  function rewatch(aor: string, binding: Binding): void {
    const flow = flows.revive(binding);
    if (flow) watch.watch(flow, aor);
    else watch.gone(binding.flowId, aor);
  }

  return {
    ...{ bindings, presence, register },
    take(group) {
      bindings.take(group);
      for (const aor of bindings.usersOf(group))
        for (const binding of bindings.of(aor)) rewatch(aor, binding);
      if (replica.version > 0) eviction.take(group);
      presence.take(group);
    },
    release(group) {
      presence.release(group);
      bindings.release(group);
    },
    documentsChanged(changes) {
      eviction.directoryChanged(changes);
      presence.directoryChanged(affectedUsers(changes, replica));
    },
    served: () => ({ users: bindings.users().size, registrations: bindings.count }),
    stop() {
      watch.stop();
      bindings.stop();
      presence.stop();
    },
  };
}

/** Users whose own documents have changed; all of them where a policy or the topology has. */
function affectedUsers(changes: readonly DocumentChange[], replica: Replica): string[] {
  const personal = changes.every(({ kind }) => kind === 'User' || kind === 'Credential');
  return personal
    ? changes.filter(({ kind }) => kind === 'User').map(({ name }) => name)
    : [...replica.list('User')].map(({ name }) => name);
}
