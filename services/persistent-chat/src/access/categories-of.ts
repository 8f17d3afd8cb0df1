import type { PoolClient } from 'pg';
import type { Principal } from '../chat.ts';
import type { CategoryRights } from '../rights.ts';

/** Every category that allows these principals, or in which they may create rooms; denied wins over both. */
export type CategoriesOf = (
  client: PoolClient,
  principals: readonly Principal[],
) => Promise<ReadonlyMap<string, CategoryRights>>;

export const selectCategoriesOf: CategoriesOf = async (client, principals) => {
  const { rows } = await client.query(
    `SELECT category, bool_or(role = 'allowed') AS allowed, bool_or(role = 'creator') AS creator
     FROM category_access WHERE principal = ANY($1::text[])
     GROUP BY category HAVING NOT bool_or(role = 'denied')`,
    [principals],
  );
  return new Map(rows.map(({ category, allowed, creator }) => [category, { allowed, creator }]));
};
