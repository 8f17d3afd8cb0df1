import type { SipUri } from '@linchpin/sip';
import type { Directory, EffectiveUser } from '@linchpin/topology';
import { Refused } from '../refused.ts';

/** Who is served by this pod, and which names mean it. */
export interface Home {
  /** Throws Refused for who does not exist, is disabled or lives in another pool. */
  homed(aor: string): EffectiveUser;
  /** The user that an administrator asks about, disabled ones too. */
  find(aor: string): EffectiveUser | undefined;
  isLocalDomain(domain: string): boolean;
  /** A URI without a user part that means this server: its domain, a name in it, or one of its addresses. */
  isServer(uri: SipUri): boolean;
}

export interface HomeParts {
  pod: string;
  directory: Directory;
  /** Whether `host:port` is a listener, ours or an Edge's, as it writes itself or as it is bound. */
  isAddress(hostPort: string): boolean;
}

export function createHome({ pod, directory, isAddress }: HomeParts): Home {
  const isLocalDomain = (domain: string) => directory.isLocalDomain(domain);

  function isNameOfOurs(host: string): boolean {
    const parent = host.slice(host.indexOf('.') + 1);
    return isLocalDomain(host) || isLocalDomain(parent);
  }

  function find(aor: string): EffectiveUser | undefined {
    const user = directory.user(aor);
    const pool = directory.poolOf(pod)?.name;
    return user && (pool === undefined || user.spec.pool === pool) ? user : undefined;
  }

  return {
    find,
    isLocalDomain,
    homed(aor) {
      const user = find(aor);
      if (user?.spec.enabled) return user;
      const rule = directory.user(aor)?.spec.enabled ? 'not-homed-here' : 'no-such-user';
      throw new Refused(404, 'No such user here', rule);
    },
    isServer(uri) {
      if (uri.user !== undefined) return false;
      const host = uri.host.toLowerCase();
      if (isNameOfOurs(host)) return true;
      const port = uri.port ?? defaultPort(uri);
      // Clients on this machine write the name, listeners their address (RFC 6761 6.3).
      const hosts = host === 'localhost' ? ['localhost', '127.0.0.1', '[::1]'] : [host];
      return hosts.some((name) => isAddress(`${name}:${port}`));
    },
  };
}

const defaultPort = (uri: SipUri): number => (uri.params.get('transport') === 'tls' ? 5061 : 5060);
