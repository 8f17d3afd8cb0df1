-- One row for each version of the configuration: who made it, when, and of what documents (never their content).
-- The id tells apart two versions of one number, of which one is lost with what a backup did not hold.
CREATE TABLE versions (
  version bigint PRIMARY KEY,
  id      uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  who     text NOT NULL,
  changes json NOT NULL
);

-- The present state of each document. A deleted one keeps its row without spec, so that its deletion can be published.
CREATE TABLE documents (
  kind    text COLLATE "C" NOT NULL,
  name    text COLLATE "C" NOT NULL,
  version bigint NOT NULL REFERENCES versions,
  spec    json,
  PRIMARY KEY (kind, name)
);
CREATE INDEX documents_version ON documents (version);

-- Derived from passwords, one row for each user that has one. A table of its own, which reading documents never touches.
CREATE TABLE credentials (
  name    text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL REFERENCES versions,
  digest  json
);
CREATE INDEX credentials_version ON credentials (version);

-- What the roles get to see.
CREATE VIEW published AS
  SELECT kind, name, version, spec FROM documents
  UNION ALL
  SELECT 'Credential', name, version, CASE WHEN digest IS NOT NULL THEN json_build_object('digest', digest) END
  FROM credentials;
