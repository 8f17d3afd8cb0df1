import type { Host } from '@linchpin/host';
import { FrontendService } from '@linchpin/proto/frontend/v1/frontend';
import { RelayService } from '@linchpin/proto/relay/v1/relay';
import { createFrontendRpc } from './admin/rpc.ts';
import type { FrontendConfig } from './config.ts';
import type { Knowledge } from './knowledge.ts';
import type { Network } from './network.ts';
import type { Telemetry } from './telemetry.ts';
import type { UserStore } from './user-store.ts';
import type { Users } from './users.ts';

export interface SurfacesParts {
  config: FrontendConfig;
  host: Host;
  telemetry: Telemetry;
  knowledge: Knowledge;
  network: Network;
  store: UserStore;
  users: Users;
}

/** What others see of this pod: its metrics, and what it serves by gRPC. */
export function openSurfaces(parts: SurfacesParts): void {
  const { host, network } = parts;
  watchSizes(parts);
  host.rpc.addService(
    RelayService,
    { connect: network.peers.handler },
    { allow: ['director', 'frontend', 'persistent-chat'] },
  );
  // CMS asks for administrators who reach nobody else.
  host.rpc.addService(FrontendService, adminRpc(parts), { allow: ['admin', 'cms'] });
}

function watchSizes({ host, telemetry, network, store, users }: SurfacesParts): void {
  const { layer, flows, links, dispatch } = network;
  telemetry.watch({
    users: () => users.served().users,
    registrations: () => users.served().registrations,
    flows: () => flows.size,
    peers: () => links.frontEndsUp.length,
    held: () => dispatch.waiting,
    groups() {
      const { groups } = store.fabric.describe();
      const count = (isIt: (group: (typeof groups)[number]) => boolean) => groups.filter(isIt).length;
      return {
        owned: count(({ owner }) => owner === host.name),
        warm: count(({ here }) => here === 'warm'),
      };
    },
    transactions: layer.stats,
  });
}

function adminRpc({ config, host, knowledge, store, users }: SurfacesParts) {
  const { members, home } = knowledge;
  const { fabric, backup } = store;
  return createFrontendRpc({
    pod: host.name,
    isHomed: (aor) => home.find(aor) !== undefined,
    endpoints: users.bindings.of,
    presence: (aor) => ({ note: '', ...users.presence.describe(aor) }),
    pool: config.pool,
    records: () => members.list('frontend', config.pool),
    serves: fabric.serves,
    sequenceOf: (group) => fabric.describe().groups[group]?.lastSequence ?? 0,
    backupLagOf: backup.lag,
    now: members.now,
  });
}
