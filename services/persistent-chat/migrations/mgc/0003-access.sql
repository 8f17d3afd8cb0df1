-- Who may do what, looked at from the side of a person; and how many entries there are in all.

CREATE INDEX category_access_principal ON category_access (principal);

-- Whoever was entered while the room had invitations is told who did it and when; NULL: not invited.
ALTER TABLE room_access ADD COLUMN invited_by text, ADD COLUMN invited_at timestamptz;

-- A row of a room changes with every post: pages with space let it stay where it is, without a change of indexes.
ALTER TABLE rooms SET (fillfactor = 50);

-- Words of names are parted at all ASCII punctuation, and what is looked for too: PostgreSQL's own parser keeps "contoso.lab"
-- or "R/D" together.
CREATE FUNCTION room_words(name text, description text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT to_tsvector('simple'::regconfig, regexp_replace(name || ' ' || description, '[!-/:-@\[-`{-~]+', ' ', 'g')) $$;
CREATE INDEX rooms_words ON rooms USING gin (room_words(name, description));

-- Counted as they come and go: two million are not counted for each that is added. Several rows, so that changes of different
-- rooms do not wait for each other.
CREATE TABLE access_entries (
  shard int PRIMARY KEY,
  entries bigint NOT NULL
);
INSERT INTO access_entries SELECT shard, 0 FROM generate_series(0, 15) AS shard;

CREATE FUNCTION count_access_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  SELECT count(*) INTO n FROM changed;
  IF TG_OP = 'DELETE' THEN n := -n; END IF;
  IF n <> 0 THEN
    UPDATE access_entries SET entries = entries + n WHERE shard = pg_backend_pid() % 16;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER room_access_more AFTER INSERT ON room_access
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_access_entries();
CREATE TRIGGER room_access_fewer AFTER DELETE ON room_access
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_access_entries();
CREATE TRIGGER category_access_more AFTER INSERT ON category_access
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_access_entries();
CREATE TRIGGER category_access_fewer AFTER DELETE ON category_access
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_access_entries();
