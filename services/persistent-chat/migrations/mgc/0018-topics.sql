-- What people want to be told of, wherever it is posted: everything that a topic says has to hold.
CREATE TABLE topics (
  owner text NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
  -- All of them have to be in a post; empty: whatever is said.
  words text NOT NULL DEFAULT '',
  author text,
  mentions_owner boolean NOT NULL DEFAULT false,
  -- NULL: wherever the owner may read. Rooms that are gone are passed over.
  rooms uuid[],
  PRIMARY KEY (owner, name)
);
