import { createPeerLink, type Logger, type Mtls, type PeerLink } from '@linchpin/host';
import { type Frame, RelayClient } from '@linchpin/proto/relay/v1/relay';
import {
  type Directory,
  followMembers,
  type Member,
  type Members,
  preference,
  type Replica,
} from '@linchpin/topology';

export interface FrontEndsParts {
  pod: string;
  mtls: Mtls;
  replica: Pick<Replica, 'onChange'>;
  members: Pick<Members, 'get' | 'onChange'>;
  directory: Pick<Directory, 'user' | 'roleMembers' | 'poolMembers'>;
  /** The stream to a Front End has ended. */
  onDown(frontEnd: string): void;
  log: Logger;
}

/** A stream to each Front End of all pools: what rooms say goes out on it, answers come on the streams of Front Ends to this pod. */
export interface FrontEnds {
  /** One of the pool where the user is served; undefined where none can be reached, or nobody is called so. */
  of(user: string, except: readonly string[]): string | undefined;
  send(frontEnd: string, frame: Frame): boolean;
  stop(): void;
}

export function createFrontEnds(parts: FrontEndsParts): FrontEnds {
  const { pod, mtls, replica, members, directory, onDown, log } = parts;

  const linkTo = ({ name, address }: Member): PeerLink<Frame> =>
    createPeerLink<Frame, RelayClient>({
      address,
      role: 'frontend',
      credentials: mtls.client(),
      pod,
      client: RelayClient,
      connect: (client, metadata) => client.connect(metadata),
      onFrame: () => {},
      onDown: () => onDown(name),
      log,
    });
  const followed = followMembers(replica, () => directory.roleMembers('frontend'), linkTo, members);

  return {
    of(user, except) {
      const pool = directory.user(`sip:${user}`)?.spec.pool;
      if (pool === undefined) return undefined;
      const names = directory.poolMembers(pool).map(({ name }) => name);
      const up = names.filter((name) => followed.links.get(name)?.up && !except.includes(name));
      const staying = up.filter((name) => members.get(name)?.state !== 'draining');
      return preference(user, staying.length > 0 ? staying : up)[0];
    },
    send: (frontEnd, frame) => followed.links.get(frontEnd)?.send(frame) ?? false,
    stop: followed.stop,
  };
}
