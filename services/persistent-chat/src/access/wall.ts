// The ethical wall: whom a category lets into its rooms' lists, and how many entries all lists may have.
import type { PoolClient } from 'pg';
import { ChatError, type Principal } from '../chat.ts';
import type { CategoryRights } from '../rights.ts';
import type { Principals } from './principals.ts';
import { selectCategoryRights } from './store.ts';

export interface Wall {
  /** What a category says of a user. */
  rightsIn(client: PoolClient, category: string, user: string): Promise<CategoryRights>;
  /**
   * Rejects with `invalid` where nobody stands behind one of them, with `forbidden` where the category does not allow one.
   * A group may be entered where the category names it, or allows each of its members. `category`: its id and name.
   */
  admit(
    client: PoolClient,
    category: { id: string; name: string },
    principals: readonly Principal[],
  ): Promise<void>;
  /** Rejects with `limit` where so many entries more are too many. */
  reserve(client: PoolClient, more: number): Promise<void>;
}

export interface WallParts {
  principals: Principals;
  limits(): { maxAccessEntries: number };
}

const SHOWN = 10;

export function createWall({ principals, limits }: WallParts): Wall {
  async function refused(
    client: PoolClient,
    category: string,
    wanted: readonly Principal[],
  ): Promise<Principal[]> {
    const asWhom = new Map(wanted.map((principal) => [principal, lookedUpAs(principal)]));
    const said = await rolesOfAll(client, category, [...new Set([...asWhom.values()].flat(2))]);
    const isAllowed = (as: readonly Principal[]) =>
      as.some((each) => said.get(each)?.allowed) && !as.some((each) => said.get(each)?.denied);
    return wanted.filter((principal) => {
      const [own, ...members] = asWhom.get(principal) as Principal[][];
      if (isAllowed(own as Principal[])) return false;
      return said.get(principal)?.denied || members.length === 0 || !members.every(isAllowed);
    });
  }

  /** The principal itself, for a user with what the user is found as; then the same of each member of a group. */
  function lookedUpAs(principal: Principal): readonly (readonly Principal[])[] {
    if (principal.startsWith('domain:')) return [[principal]];
    const members = principals.membersOf(principal);
    if (members === undefined) return [principals.ofAnybody(principal)];
    return [[principal], ...members.map(principals.ofAnybody)];
  }

  return {
    async rightsIn(client, category, user) {
      const asked = { place: category, principals: principals.ofAnybody(user) };
      return (await selectCategoryRights(client, [asked]))(asked);
    },
    async admit(client, category, wanted) {
      const unknown = wanted.flatMap((principal) => principals.problem(principal) ?? []);
      if (unknown.length > 0) throw new ChatError('invalid', some(unknown, '; '));
      const outside = await refused(client, category.id, wanted);
      if (outside.length === 0) return;
      const name = JSON.stringify(category.name);
      throw new ChatError(
        'forbidden',
        `the category ${name} does not allow ${some(outside, ', ')}: an administrator can change whom it allows and denies`,
      );
    },
    async reserve(client, more) {
      if (more <= 0) return;
      const { maxAccessEntries } = limits();
      const { rows } = await client.query('SELECT sum(entries)::float8 AS entries FROM access_entries');
      if (rows[0].entries + more <= maxAccessEntries) return;
      throw new ChatError(
        'limit',
        `there are ${rows[0].entries} access entries of at most ${maxAccessEntries}, and ${more} more do not fit: enter groups instead of their members, or raise maxAccessEntries`,
      );
    },
  };
}

async function rolesOfAll(client: PoolClient, category: string, asked: readonly Principal[]) {
  const { rows } = await client.query(
    `SELECT principal, bool_or(role = 'allowed') AS allowed, bool_or(role = 'denied') AS denied
     FROM category_access WHERE category = $1 AND principal = ANY($2::text[]) GROUP BY principal`,
    [category, asked],
  );
  return new Map<Principal, { allowed: boolean; denied: boolean }>(
    rows.map(({ principal, ...said }) => [principal, said]),
  );
}

function some(all: readonly string[], between: string): string {
  const more = all.length - SHOWN;
  return `${all.slice(0, SHOWN).join(between)}${more > 0 ? ` and ${more} more` : ''}`;
}
