-- Files of rooms. The bytes are in the store of files, once for each content, by their SHA-256.

-- What the store of files has or is about to get. A row is written before its bytes and deleted before them, under its lock.
CREATE TABLE file_blobs (
  sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
  bytes bigint NOT NULL CHECK (bytes >= 0),
  -- When it was last uploaded: what nothing refers to is kept for a while after that.
  at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE files (
  id uuid PRIMARY KEY,
  room uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
  sha256 bytea NOT NULL REFERENCES file_blobs,
  bytes bigint NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  -- The media type as the bytes say, or application/octet-stream.
  type text NOT NULL,
  uploaded_by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  -- Nobody sees it before its bytes are stored and its upload is told to compliance.
  ready boolean NOT NULL DEFAULT false
);
CREATE INDEX files_room ON files (room, at, id) WHERE ready;
CREATE INDEX files_sha256 ON files (sha256);
CREATE INDEX files_not_ready ON files (at) WHERE NOT ready;
