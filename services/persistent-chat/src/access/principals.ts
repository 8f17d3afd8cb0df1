// Whom an access list can name, and as whom one user is found in it.
import type { Directory } from '@linchpin/topology';
import { ChatError, type Principal } from '../chat.ts';
import { DOMAIN, GROUP, parsePrincipal } from '../principal.ts';
import { createBounded } from './bounded.ts';

/** What is asked of the directory here; `configured` is false until a configuration has arrived. */
export type People = Pick<Directory, 'user' | 'groupsOf' | 'group' | 'isLocalDomain'> & {
  readonly configured: boolean;
};

export interface Principals {
  /**
   * As whom a user is found in access lists: itself, its domain, its groups. The same array until that changes. Rejects with
   * `forbidden` where the user may not use Persistent Chat.
   */
  of(user: string): readonly Principal[];
  /** The same for whoever is entered somewhere, allowed to use it or not. */
  ofAnybody(user: string): readonly Principal[];
  /** Lower case where it has to be; throws `invalid` for what is no principal. */
  parse(principal: string, field: string): Principal;
  /** Why nobody stands behind it, if so. */
  problem(principal: Principal): string | undefined;
  /** Users in a group; undefined for other principals, and where there is no such group. */
  membersOf(principal: Principal): readonly string[] | undefined;
}

const REMEMBERED = 50_000;

interface Remembered {
  groups: readonly string[];
  principals: readonly Principal[];
}

export function createPrincipals(people: People): Principals {
  const remembered = createBounded<Remembered>(REMEMBERED);

  function ofAnybody(user: string): readonly Principal[] {
    const groups = people.groupsOf(user);
    const known = remembered.get(user);
    if (known?.groups === groups) return known.principals;
    const made = [user, `${DOMAIN}${domainOf(user)}`, ...groups.map((name) => `${GROUP}${name}`)];
    // Rights that were remembered for a list hold for one that only was made anew.
    const principals = known && isSame(known.principals, made) ? known.principals : made;
    remembered.set(user, { groups, principals });
    return principals;
  }

  return {
    ofAnybody,
    of(user) {
      requireEnabled(people, user);
      return ofAnybody(user);
    },
    parse: parsePrincipal,
    problem(principal) {
      if (principal.startsWith(DOMAIN))
        return people.isLocalDomain(principal.slice(DOMAIN.length))
          ? undefined
          : `${principal}: is not a SIP domain of this system`;
      if (principal.startsWith(GROUP))
        return people.group(principal.slice(GROUP.length))
          ? undefined
          : `${principal}: there is no such group`;
      return people.user(`sip:${principal}`) ? undefined : `${principal}: there is no such user`;
    },
    membersOf: (principal) =>
      principal.startsWith(GROUP) ? people.group(principal.slice(GROUP.length)) : undefined,
  };
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((each, at) => each === b[at]);

const domainOf = (user: string): string => user.slice(user.indexOf('@') + 1);

function requireEnabled(people: People, user: string): void {
  if (!people.configured)
    throw new ChatError('unavailable', 'the configuration has not arrived yet: try again in a moment', 2);
  const known = people.user(`sip:${user}`);
  if (known === undefined) throw new ChatError('forbidden', `there is no user ${user}`);
  if (!known.spec.enabled) throw new ChatError('forbidden', `the user ${user} is disabled`);
  if (known.persistentChatPolicy.enabled) return;
  throw new ChatError(
    'forbidden',
    `${user} may not use Persistent Chat: an administrator has to give a PersistentChatPolicy with "enabled: true"`,
  );
}
