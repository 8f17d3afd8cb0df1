-- Pods of the release before go on meanwhile. What they have posted and not committed has to be seen below, so it is waited for;
-- who purges has posts first and then files, and who removes files reads posts: in this order and no stricter nobody waits in a ring.
LOCK TABLE posts IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE files IN ACCESS EXCLUSIVE MODE;

-- Whether a file was ever posted decides who is shown it: before, only who has uploaded it; from then on whoever may read a post
-- that names it and was neither deleted nor purged. It is never shown again because a post is gone.
ALTER TABLE files ADD COLUMN posted boolean NOT NULL DEFAULT false;
-- A post that named it was purged: it goes as well, unless another post that stands, or a legal hold, keeps it.
ALTER TABLE files ADD COLUMN purged boolean NOT NULL DEFAULT false;

-- For each post that names any: the others cost nothing.
CREATE FUNCTION note_posted_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE files SET posted = true WHERE id = ANY(NEW.files) AND room = NEW.room AND NOT posted;
  RETURN NULL;
END $$;
CREATE TRIGGER posts_files AFTER INSERT ON posts
  FOR EACH ROW WHEN (NEW.files <> '{}') EXECUTE FUNCTION note_posted_files();

-- What is purged is only noted: what a legal hold keeps is known to the compliance store, and asked for before files are removed. The
-- trigger stays as it is: to replace it, those who read posts would have to be waited for.
ALTER FUNCTION delete_files_of_posts RENAME TO note_purged_files;
CREATE OR REPLACE FUNCTION note_purged_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE files SET purged = true FROM (
    SELECT DISTINCT room, unnest(gone.files) AS id FROM gone WHERE gone.files <> '{}'
  ) AS named
  WHERE files.id = named.id AND files.room = named.room AND NOT files.purged;
  RETURN NULL;
END $$;

UPDATE files SET posted = true
FROM (SELECT DISTINCT room, unnest(files) AS id FROM posts WHERE files <> '{}') AS named
WHERE files.id = named.id AND files.room = named.room;

CREATE INDEX files_not_posted ON files (at) WHERE ready AND NOT posted;
CREATE INDEX files_purged ON files (room) WHERE purged;
-- What a user and what a room have taken lately.
CREATE INDEX files_uploaded_by ON files (uploaded_by, at);
CREATE INDEX files_room_at ON files (room, at);
