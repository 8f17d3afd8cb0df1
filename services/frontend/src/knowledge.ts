import type { Host } from '@linchpin/host';
import {
  createKnowledge as createTopologyKnowledge,
  type Knowledge as TopologyKnowledge,
} from '@linchpin/topology';
import type { FrontendConfig } from './config.ts';
import { createHome, type Home } from './home/home.ts';
import { createIsRoom, type IsRoom } from './rooms/is-room.ts';

/** What this pod knows: the documents, which pods live, and who is served by its pool. */
export interface Knowledge extends TopologyKnowledge {
  home: Home;
  isRoom: IsRoom;
}

/** `isAddress`: whether `host:port` is a listener, ours or another pod's. */
export function createKnowledge(
  config: FrontendConfig,
  host: Host,
  isAddress: (hostPort: string) => boolean,
): Knowledge {
  const topology = createTopologyKnowledge(host, {
    role: 'frontend',
    pool: config.pool,
    onClock: (offset) => host.health.set('clock', offset === 0, clockComplaint(offset)),
  });
  const { directory } = topology;
  const home = createHome({ pod: host.name, directory, isAddress });
  return { ...topology, home, isRoom: createIsRoom(directory) };
}

const clockComplaint = (offset: number): string =>
  `${Math.abs(Math.round(offset / 1000))} s ${offset < 0 ? 'ahead of' : 'behind'} NATS: synchronise it`;
