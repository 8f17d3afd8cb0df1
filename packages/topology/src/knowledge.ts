import { createDirectory, type Directory } from './directory.ts';
import type { Role } from './kinds/topology.ts';
import { createMembers, type Members, type MembersOptions } from './members/members.ts';
import { createReplica, type Log, type NatsLink, type Replica, type ReplicaOptions } from './replica.ts';

/** What a pod knows of the system: the documents, and which pods live. */
export interface Knowledge {
  replica: Replica;
  members: Members;
  directory: Directory;
}

/** The role's host, as far as it is needed here. */
interface KnowingPod {
  name: string;
  version: string;
  dataDir: string;
  log: Log;
  nats(): NatsLink;
}

interface Place {
  role: Role;
  pool: string;
  /** Both unless told otherwise. */
  buckets?: ReplicaOptions['buckets'];
  onClock?: MembersOptions['onClock'];
}

/** Nothing is read or followed before `load` and `follow` of each are called. Throws when the configuration has no `nats`. */
export function createKnowledge(
  { name: pod, version: productVersion, dataDir, log, nats: link }: KnowingPod,
  { role, pool, buckets = ['config', 'directory'], onClock }: Place,
): Knowledge {
  const nats = link();
  const replica = createReplica({
    dir: `${dataDir}/replica`,
    ...{ buckets, nats, pod, role, productVersion, log },
  });
  const self = { pod, role, pool, address: '', productVersion };
  const members = createMembers({ nats, self, log, ...(onClock && { onClock }) });
  return { replica, members, directory: createDirectory(replica, members) };
}
