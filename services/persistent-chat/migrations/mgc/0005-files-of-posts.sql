-- Files go with the posts that name them. Few posts name any: the index has only those.
CREATE INDEX posts_files ON posts USING gin (files) WHERE files <> '{}';

-- What is purged takes along the files that its authors had uploaded and that no other post names. Not those of others, which a
-- legal hold may keep.
CREATE FUNCTION delete_files_of_posts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM files USING (
    SELECT DISTINCT room, author, unnest(gone.files) AS id FROM gone WHERE gone.files <> '{}'
  ) AS named
  WHERE files.id = named.id AND files.room = named.room AND files.uploaded_by = named.author
    AND NOT EXISTS (
      SELECT FROM posts WHERE posts.files <> '{}' AND posts.files @> ARRAY[files.id] AND posts.room = files.room
    );
  RETURN NULL;
END $$;
CREATE TRIGGER posts_gone AFTER DELETE ON posts
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION delete_files_of_posts();
