// What goes over the wire: requests are validated with these, and the OpenAPI document is made of them.
import { z } from 'zod';

/** Text that PostgreSQL can hold: no NUL, no half of a surrogate pair. */
export const text = (min: number, max: number) =>
  z
    .string()
    .min(min)
    .max(max)
    .refine((value) => value.isWellFormed(), 'must be valid Unicode, not half of a surrogate pair')
    .refine((value) => !value.includes('\0'), 'must not hold NUL');

/** Numbers, truths and lists in a query are text at first. */
export const wholeInQuery = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, { error }).max(max, { error }),
  );
};
export const truthInQuery = () =>
  z.preprocess(
    (value) => (value === 'true' ? true : value === 'false' ? false : value),
    z.boolean({ error: 'must be true or false' }),
  );
export const listInQuery = <T extends z.ZodType>(item: T, min: number, max: number) =>
  z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(item).min(min).max(max),
  );

/** The number of an event: room numbers are bigint in the store, and fit into a double by far. */
export const seq = () => wholeInQuery(0, Number.MAX_SAFE_INTEGER);
const number = () => z.int().min(0);

/** A principal: a user, `domain:…` or `group:…`. */
export const principal = text(1, 320).meta({
  description: '"alice@contoso.lab", "domain:contoso.lab" or "group:Sales"',
});
/** What one request may name; longer lists take several. */
export const principals = z.array(principal).max(1000);

/** PostgreSQL knows no year 0. */
export const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-03-01T00:00:00Z' })
  .refine((text) => !text.startsWith('0000'), 'must be after year 0');
export const roomRef = text(1, 256).meta({ description: "The room's id or name" });
export const categoryRef = text(1, 256).meta({ description: "The category's id or name" });

/** What is not set stays as it is; `null` unsets. */
const orUnset = <T extends z.ZodType>(schema: T) =>
  schema.nullable().transform((value) => (value === null ? undefined : value));

const categoryFields = {
  description: text(0, 4096).optional(),
  invitations: z.boolean().optional(),
  fileUpload: z.boolean().optional(),
  chatHistory: z.boolean().optional(),
  complianceRequired: z.boolean().optional(),
  retentionDays: orUnset(z.int().min(1).max(36_500)).optional(),
  allowed: principals.optional(),
  denied: principals.optional(),
  creators: principals.optional(),
};

export const categorySpec = z
  .strictObject({ name: text(1, 256), ...categoryFields })
  .meta({ id: 'CategorySpec' });
export const categoryChange = z
  .strictObject({ name: text(1, 256).optional(), ...categoryFields })
  .meta({ id: 'CategoryChange' });

export const category = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: z.string(),
    invitations: z.boolean(),
    fileUpload: z.boolean(),
    chatHistory: z.boolean(),
    complianceRequired: z.boolean(),
    retentionDays: z.int().optional().meta({ description: 'Days that posts are kept; forever without it' }),
    allowed: z.array(z.string()),
    denied: z.array(z.string()),
    creators: z.array(z.string()),
  })
  .meta({ id: 'Category' });

const kind = z.enum(['normal', 'auditorium']);
const privacy = z.enum(['open', 'closed', 'secret']);

const roomFields = {
  description: text(0, 4096).optional(),
  kind: kind.optional(),
  privacy: privacy.optional(),
  invitations: orUnset(z.boolean()).optional().meta({ description: 'null: as the category says' }),
  addIn: orUnset(text(1, 2048)).optional(),
};

export const roomSpec = z
  .strictObject({
    name: text(1, 256),
    category: categoryRef,
    ...roomFields,
    members: principals.optional(),
    managers: principals.optional(),
    presenters: principals.optional(),
  })
  .meta({ id: 'RoomSpec' });
export const roomChange = z
  .strictObject({ name: text(1, 256).optional(), category: categoryRef.optional(), ...roomFields })
  .meta({ id: 'RoomChange' });

const room = {
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  category: z.uuid().meta({ description: "The category's id" }),
  kind,
  privacy,
  invitations: z.boolean().optional().meta({ description: 'Without it: as the category says' }),
  addIn: z.string().optional(),
  disabled: z.boolean(),
  legalHold: z.boolean(),
  lastSeq: number().meta({ description: 'The number of its last event' }),
};
export const roomAnswer = z.object(room).meta({ id: 'Room' });
export const roomView = z
  .object({
    ...room,
    legalHold: z.boolean().optional().meta({ description: 'Told to who manages the room' }),
    categoryName: z.string(),
    roles: z.array(z.enum(['member', 'manager', 'presenter'])),
    mayPost: z.boolean(),
    chatHistory: z.boolean().meta({
      description: 'False: posts, and the files that they name, are for those who are there at the time',
    }),
    unread: number(),
  })
  .meta({ id: 'RoomView', description: 'A room as the caller sees it' });

const lists = {
  members: z.array(z.string()),
  managers: z.array(z.string()),
  presenters: z.array(z.string()),
};
export const access = z.object(lists).meta({ id: 'Access' });
const accessLists = z.strictObject({
  members: principals.optional(),
  managers: principals.optional(),
  presenters: principals.optional(),
});
export const accessChange = z
  .strictObject({ add: accessLists.optional(), remove: accessLists.optional() })
  .meta({ id: 'AccessChange', description: 'What is added is added before anything is taken away' });

export const invitation = z
  .object({ room: roomView, by: z.string(), at: z.string() })
  .meta({ id: 'Invitation' });

/** The store takes less, as the configuration of the pool says; this only keeps nonsense out. */
const MOST_CHARACTERS = 262_144;

export const posting = z
  .strictObject({
    clientId: text(1, 64).meta({
      description: "The client's own id: the same one again stores nothing and gives the first answer",
    }),
    body: text(0, MOST_CHARACTERS),
    subject: text(1, 1024).optional(),
    thread: number().min(1).optional().meta({ description: 'The number of the first post of the thread' }),
    files: z.array(z.uuid()).max(20).optional(),
  })
  .meta({ id: 'Posting' });
export const editing = z
  .strictObject({ body: text(0, MOST_CHARACTERS), subject: text(1, 1024).optional() })
  .meta({ id: 'Editing' });

export const post = z
  .object({
    room: z.uuid(),
    seq: number(),
    at: z.string(),
    by: z.string(),
    subject: z.string().optional(),
    body: z.string(),
    thread: number().optional(),
    mentions: z.array(z.string()),
    files: z.array(z.string()),
    editedAt: z.string().optional(),
    deletedAt: z
      .string()
      .optional()
      .meta({ description: 'Deleted posts keep their place with an empty body' }),
    reactions: z.array(z.object({ reaction: z.string(), by: z.array(z.string()) })),
  })
  .meta({ id: 'Post' });
export const posts = z.object({ posts: z.array(post) }).meta({ id: 'Posts' });

export const unread = z
  .object({ room: z.uuid(), unread: number(), mentions: number() })
  .meta({ id: 'Unread' });

export const purging = z
  .strictObject({
    before: time.optional(),
    author: text(1, 320).optional(),
    seqs: z.array(number().min(1)).min(1).max(10_000).optional(),
    why: text(1, 1024),
  })
  .meta({ id: 'Purging', description: 'What fits all of it is deleted' });

export const file = z
  .object({
    id: z.uuid(),
    room: z.uuid(),
    name: z.string(),
    bytes: number(),
    type: z.string(),
    sha256: z.string().meta({ description: 'Of its bytes, hexadecimal' }),
    by: z.string(),
    at: z.string(),
  })
  .meta({ id: 'File' });

export const token = z
  .object({ access_token: z.string(), token_type: z.literal('Bearer'), expires_in: z.int() })
  .meta({ id: 'Token' });

export const serverInfo = z
  .object({
    user: z.string(),
    pool: z.string(),
    maxMessageCharacters: z.int(),
    maxStoryCharacters: z.int(),
    maxSearchResults: z.int(),
    maxFileBytes: z.int(),
    blockedFileTypes: z.array(z.string()),
    chatHistory: z.int().meta({ description: 'Posts that whoever joins a room is given' }),
    rosterLimit: z.int(),
    roomManagementUrl: z.string().optional(),
  })
  .meta({ id: 'ServerInfo' });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'What programs go by' }),
    errors: z.array(z.object({ at: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });
