import type { Host } from '@linchpin/host';
import {
  createDirectory,
  createMembers,
  createReplica,
  type Directory,
  type Members,
  type Replica,
} from '@linchpin/topology';
import type { FrontendConfig } from './config.ts';
import { createHome, type Home } from './home/home.ts';
import { createIsRoom, type IsRoom } from './rooms/is-room.ts';

/** What this pod knows: the documents, which pods live, and who is served by its pool. */
export interface Knowledge {
  replica: Replica;
  members: Members;
  directory: Directory;
  home: Home;
  isRoom: IsRoom;
}

/** `isAddress`: whether `host:port` is a listener, ours or another pod's. */
export function createKnowledge(
  config: FrontendConfig,
  host: Host,
  isAddress: (hostPort: string) => boolean,
): Knowledge {
  const { log, name: pod } = host;
  const nats = host.nats();
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
  const home = createHome({ pod, directory, isAddress });
  return { replica, members, directory, home, isRoom: createIsRoom(directory) };
}

const clockComplaint = (offset: number): string =>
  `${Math.abs(Math.round(offset / 1000))} s ${offset < 0 ? 'ahead of' : 'behind'} NATS: synchronise it`;
