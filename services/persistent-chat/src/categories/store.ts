import type { PoolClient } from 'pg';
import type { Category, Page, Principal } from '../chat.ts';

/** What a category is besides its lists. */
export type Settings = Omit<Category, 'id' | Lists>;
export type Lists = 'allowed' | 'denied' | 'creators';
export type ListRole = 'allowed' | 'denied' | 'creator';

export const LIST_ROLES: Readonly<Record<Lists, ListRole>> = {
  allowed: 'allowed',
  denied: 'denied',
  creators: 'creator',
};

const COLUMNS = `id, name, description, invitations, file_upload AS "fileUpload", chat_history AS "chatHistory",
  compliance_required AS "complianceRequired", retention_days AS "retentionDays"`;

export async function insertCategory(client: PoolClient, id: string, settings: Settings): Promise<void> {
  await client.query(
    `INSERT INTO categories (id, name, description, invitations, file_upload, chat_history, compliance_required, retention_days)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, ...columnsOf(settings)],
  );
}

/** Its version grows too: pods that remember rights in its rooms ask again. */
export async function updateCategory(client: PoolClient, id: string, settings: Settings): Promise<void> {
  await client.query(
    `UPDATE categories SET name = $2, description = $3, invitations = $4, file_upload = $5, chat_history = $6,
       compliance_required = $7, retention_days = $8, access_version = access_version + 1 WHERE id = $1`,
    [id, ...columnsOf(settings)],
  );
}

const columnsOf = (settings: Settings): unknown[] => [
  settings.name,
  settings.description,
  settings.invitations,
  settings.fileUpload,
  settings.chatHistory,
  settings.complianceRequired,
  settings.retentionDays ?? null,
];

export async function selectCategory(
  client: PoolClient,
  key: { id: string } | { name: string },
): Promise<(Settings & { id: string }) | undefined> {
  const [where, value] = 'id' in key ? ['id = $1', key.id] : ['lower(name) = lower($1)', key.name];
  const { rows } = await client.query(`SELECT ${COLUMNS} FROM categories WHERE ${where}`, [value]);
  return rows[0] && toSettings(rows[0]);
}

/** All, or those of these ids, by name. `after`: a name. */
export async function selectCategories(
  client: PoolClient,
  ids: readonly string[] | undefined,
  { after, limit }: Page,
): Promise<(Settings & { id: string })[]> {
  const { rows } = await client.query(
    `SELECT ${COLUMNS} FROM categories
     WHERE ($1::uuid[] IS NULL OR id = ANY($1::uuid[])) AND ($2::text IS NULL OR lower(name) > lower($2))
     ORDER BY lower(name) LIMIT $3`,
    [ids ?? null, after ?? null, limit ?? null],
  );
  return rows.map(toSettings);
}

const toSettings = (row: Settings & { id: string; retentionDays: number | null }) => ({
  ...row,
  retentionDays: row.retentionDays ?? undefined,
});

/** The lists of categories, by id; sorted. */
export async function selectLists(
  client: PoolClient,
  ids: readonly string[],
): Promise<(id: string) => Record<Lists, Principal[]>> {
  const { rows } = await client.query(
    `SELECT category, role, array_agg(principal ORDER BY principal) AS principals
     FROM category_access WHERE category = ANY($1::uuid[]) GROUP BY category, role`,
    [ids],
  );
  const found = new Map(rows.map(({ category, role, principals }) => [`${category} ${role}`, principals]));
  const list = (id: string, role: ListRole): Principal[] => found.get(`${id} ${role}`) ?? [];
  return (id) => ({
    allowed: list(id, 'allowed'),
    denied: list(id, 'denied'),
    creators: list(id, 'creator'),
  });
}

export async function changeList(
  client: PoolClient,
  id: string,
  role: ListRole,
  { added, gone }: { added: readonly Principal[]; gone: readonly Principal[] },
): Promise<void> {
  if (gone.length > 0)
    await client.query(
      'DELETE FROM category_access WHERE category = $1 AND role = $2 AND principal = ANY($3::text[])',
      [id, role, gone],
    );
  if (added.length > 0)
    await client.query(
      'INSERT INTO category_access (category, role, principal) SELECT $1, $2, unnest($3::text[])',
      [id, role, added],
    );
}

/** Waits for posts that are under way in its rooms: those that come after them see what the category says now. */
export async function lockRoomsOf(client: PoolClient, id: string): Promise<void> {
  await client.query('SELECT 1 FROM rooms WHERE category = $1 ORDER BY id FOR NO KEY UPDATE', [id]);
}

export async function deleteCategory(client: PoolClient, id: string): Promise<void> {
  await client.query('DELETE FROM categories WHERE id = $1', [id]);
}
