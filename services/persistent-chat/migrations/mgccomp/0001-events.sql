-- What happened, for those who have to answer for it. Only added to; each event holds the hash of the one before it in its scope.

CREATE TABLE events (
  scope uuid NOT NULL,
  seq bigint NOT NULL,
  -- Taken from the event, for queries; the verifier compares them with it.
  at timestamptz NOT NULL,
  kind text NOT NULL,
  by text NOT NULL,
  -- The event as it was hashed: canonical JSON (RFC 8785).
  event text NOT NULL,
  -- SHA-256 of the hash before it (32 zero bytes for the first) and `event`.
  hash bytea NOT NULL CHECK (length(hash) = 32),
  stored_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, seq)
);
CREATE INDEX events_by ON events (by, at);
CREATE INDEX events_at ON events (at, scope, seq);

-- Where each chain ends, and up to where it may have been cut off: what retention deletes leaves the hash it ended with.
CREATE TABLE chains (
  scope uuid PRIMARY KEY,
  name text NOT NULL DEFAULT '',
  -- 0: nothing yet.
  seq bigint NOT NULL DEFAULT 0,
  hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(hash) = 32),
  cut_seq bigint NOT NULL DEFAULT 0,
  cut_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(cut_hash) = 32),
  -- As its category last said: still true when the room is deleted. NULL: for good.
  retention_days int CHECK (retention_days > 0)
);
CREATE INDEX chains_name ON chains (lower(name));

-- Events that came before the one they follow.
CREATE TABLE early_events (
  scope uuid NOT NULL,
  seq bigint NOT NULL,
  event text NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, seq)
);
CREATE INDEX early_events_stored_at ON early_events (stored_at);

-- What came from the queue and is no event, or another one than is stored under its number. Kept for people to look at.
CREATE TABLE refused (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  why text NOT NULL,
  subject text NOT NULL,
  payload bytea NOT NULL,
  -- What is delivered twice is kept once.
  digest bytea NOT NULL UNIQUE
);

-- When each adapter ran last.
CREATE TABLE adapters (
  name text PRIMARY KEY,
  ran_at timestamptz NOT NULL
);

-- How far each adapter has written each scope.
CREATE TABLE adapter_marks (
  adapter text NOT NULL,
  scope uuid NOT NULL,
  seq bigint NOT NULL,
  -- Up to where it was about to write: written again with the same bounds when the pod ended in the midst of it.
  writing_to bigint,
  PRIMARY KEY (adapter, scope)
);

CREATE TABLE legal_holds (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  -- A room, a user, or both; everything where neither is named.
  scope uuid,
  subject text,
  since timestamptz NOT NULL DEFAULT now(),
  placed_by text NOT NULL,
  released_at timestamptz,
  released_by text
);

-- Who asked the compliance store what.
CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  by text NOT NULL,
  action text NOT NULL,
  detail jsonb NOT NULL
);
