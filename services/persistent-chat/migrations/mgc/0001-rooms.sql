-- Rooms and what is said in them. Every event of a room or category has the next number of its scope, given out under the
-- row lock of `rooms` or `categories`; see docs/flows/post.md.

CREATE TABLE categories (
  id uuid PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
  description text NOT NULL DEFAULT '',
  invitations boolean NOT NULL DEFAULT true,
  file_upload boolean NOT NULL DEFAULT true,
  chat_history boolean NOT NULL DEFAULT true,
  -- Without a compliance store that can be reached nobody posts here.
  compliance_required boolean NOT NULL DEFAULT false,
  -- Days that posts are kept; NULL: until an administrator purges them.
  retention_days int CHECK (retention_days > 0),
  last_seq bigint NOT NULL DEFAULT 0,
  -- Grows with every change of who may do what.
  access_version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX categories_name ON categories (lower(name));

CREATE TABLE category_access (
  category uuid NOT NULL REFERENCES categories ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('allowed', 'denied', 'creator')),
  -- "alice@contoso.lab", "domain:contoso.lab" or "group:Sales".
  principal text NOT NULL,
  PRIMARY KEY (category, principal, role)
);

CREATE TABLE rooms (
  id uuid PRIMARY KEY,
  category uuid NOT NULL REFERENCES categories,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 256),
  description text NOT NULL DEFAULT '',
  kind text NOT NULL DEFAULT 'normal' CHECK (kind IN ('normal', 'auditorium')),
  privacy text NOT NULL DEFAULT 'closed' CHECK (privacy IN ('open', 'closed', 'secret')),
  -- NULL: as the category says.
  invitations boolean,
  add_in text,
  disabled boolean NOT NULL DEFAULT false,
  legal_hold boolean NOT NULL DEFAULT false,
  last_seq bigint NOT NULL DEFAULT 0,
  access_version bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now()
-- With each batch of posts last_seq moves: there is room beside the row for the next one.
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX rooms_name ON rooms (lower(name));
CREATE INDEX rooms_category ON rooms (category);

CREATE TABLE room_access (
  room uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
  principal text NOT NULL,
  role text NOT NULL CHECK (role IN ('member', 'manager', 'presenter')),
  PRIMARY KEY (room, principal, role)
);
CREATE INDEX room_access_principal ON room_access (principal);

CREATE TABLE posts (
  room uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
  seq bigint NOT NULL,
  author text NOT NULL,
  at timestamptz NOT NULL,
  -- The client's own id: what comes again is not stored again.
  client_id text NOT NULL CHECK (length(client_id) <= 64),
  -- The title of a story; NULL for a plain message.
  subject text,
  body text NOT NULL,
  -- The first post of its thread.
  thread bigint,
  mentions text[] NOT NULL DEFAULT '{}',
  files uuid[] NOT NULL DEFAULT '{}',
  edited_at timestamptz,
  deleted_at timestamptz,
  words tsvector GENERATED ALWAYS AS (to_tsvector('simple', coalesce(subject, '') || ' ' || body)) STORED,
  PRIMARY KEY (room, seq)
);
CREATE UNIQUE INDEX posts_client_id ON posts (room, author, client_id);
CREATE INDEX posts_words ON posts USING gin (words);
-- For searches of what is said often: the newest are looked at first.
CREATE INDEX posts_at ON posts (at);

-- What a post said before it was edited or deleted.
CREATE TABLE post_versions (
  room uuid NOT NULL,
  seq bigint NOT NULL,
  version int NOT NULL,
  subject text,
  body text NOT NULL,
  until timestamptz NOT NULL,
  changed_by text NOT NULL,
  -- The number of the event that changed it.
  event_seq bigint NOT NULL,
  PRIMARY KEY (room, seq, version),
  FOREIGN KEY (room, seq) REFERENCES posts ON DELETE CASCADE
);

CREATE TABLE reactions (
  room uuid NOT NULL,
  seq bigint NOT NULL,
  member text NOT NULL,
  reaction text NOT NULL CHECK (length(reaction) BETWEEN 1 AND 32),
  PRIMARY KEY (room, seq, member, reaction),
  FOREIGN KEY (room, seq) REFERENCES posts ON DELETE CASCADE
);

-- Up to where somebody has read a room.
CREATE TABLE read_marks (
  member text NOT NULL,
  room uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
  seq bigint NOT NULL,
  PRIMARY KEY (member, room)
);

-- Who is in a room at this moment, by the pods that have a session of theirs.
CREATE TABLE participants (
  room uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
  member text NOT NULL,
  pod text NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (room, member, pod)
);
CREATE INDEX participants_pod ON participants (pod);

-- Events that are stored and not yet known to be in the queue: runs of one scope, as they are published.
CREATE TABLE outbox (
  scope uuid NOT NULL,
  first bigint NOT NULL,
  last bigint NOT NULL,
  -- Who stored it and publishes it, unless it is still here after some seconds.
  pod text NOT NULL,
  -- JSON: an array of events.
  events text NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, first)
-- Rows come and go within moments: what they leave behind is cleaned away long before a fifth of a table that is empty.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
