-- Pods of the release before write events while this one is rolled out, and know nothing of categories: the table notes them itself.
-- For rows of other kinds nothing but the condition is looked at.

CREATE FUNCTION note_category_of_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Inside of a string its quotes would be escaped: only a key can look like this.
  INSERT INTO room_categories
    SELECT NEW.scope, id::uuid
    FROM substring(NEW.event FROM '"category":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"') AS id
    WHERE id IS NOT NULL
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE FUNCTION note_chain_of_category() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE chains SET is_category = true WHERE scope = NEW.scope AND NOT is_category;
  RETURN NULL;
END $$;

CREATE TRIGGER category_of_room AFTER INSERT ON events FOR EACH ROW
  WHEN (NEW.kind IN ('room-created', 'room-changed')) EXECUTE FUNCTION note_category_of_room();
CREATE TRIGGER chain_of_category AFTER INSERT ON events FOR EACH ROW
  WHEN (NEW.kind LIKE 'category-%') EXECUTE FUNCTION note_chain_of_category();
