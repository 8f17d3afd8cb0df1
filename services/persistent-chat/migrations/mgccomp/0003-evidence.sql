-- Who asked what, what is held and what retention cut off is evidence as well: each row of `audit` has the hash of the one before it.
-- Pods of the release before this one cannot write it any more, and so answer no auditor and cut nothing until they are replaced.

-- The categories that a room has ever been in: what is held in one of them is held in the room.
CREATE TABLE room_categories (
  room uuid NOT NULL,
  category uuid NOT NULL,
  PRIMARY KEY (room, category)
);
-- Inside of a string its quotes would be escaped: only a key can look like this.
INSERT INTO room_categories
  SELECT DISTINCT scope, found::uuid FROM (
    SELECT scope, substring(event FROM '"category":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"') AS found
    FROM events WHERE kind IN ('room-created', 'room-changed')
  ) AS named WHERE found IS NOT NULL;

-- Chains of categories are kept: they say who was allowed what, and for how long their rooms were to be kept.
ALTER TABLE chains ADD COLUMN is_category boolean NOT NULL DEFAULT false;
UPDATE chains SET is_category = true
  WHERE scope IN (SELECT category FROM room_categories)
    OR EXISTS (SELECT FROM events e WHERE e.scope = chains.scope AND e.seq = chains.cut_seq + 1 AND e.kind LIKE 'category-%');

-- 1, 2, 3, … without a gap; SHA-256 of the hash before it (32 zero bytes for the first) and the row as the JSON array that audit.ts makes.
ALTER TABLE audit ADD COLUMN seq bigint UNIQUE, ADD COLUMN hash bytea CHECK (length(hash) = 32);
CREATE INDEX audit_retention ON audit ((detail->>'scope'), seq) WHERE action = 'retention';

-- Where it ends: one row.
CREATE TABLE audit_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL,
  hash bytea NOT NULL CHECK (length(hash) = 32)
);

-- Holds that there are already begin their history here.
INSERT INTO audit (by, action, detail)
  SELECT 'migration', 'carry-hold', jsonb_build_object(
    'id', id, 'name', name, 'scope', scope, 'subject', subject,
    'since', to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'placedBy', placed_by,
    'releasedAt', to_char(released_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'releasedBy', released_by)
  FROM legal_holds ORDER BY since, id;

DO $$
DECLARE
  entry record;
  number bigint := 0;
  head bytea := decode(repeat('00', 32), 'hex');
BEGIN
  FOR entry IN SELECT id, at, by AS who, action, detail FROM audit ORDER BY id LOOP
    number := number + 1;
    head := sha256(head || convert_to(jsonb_build_array(
      number, to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.who, entry.action, entry.detail
    )::text, 'UTF8'));
    UPDATE audit SET seq = number, hash = head WHERE id = entry.id;
  END LOOP;
  INSERT INTO audit_head (seq, hash) VALUES (number, head);
END $$;

ALTER TABLE audit ALTER COLUMN seq SET NOT NULL, ALTER COLUMN hash SET NOT NULL;

-- What a room was when its export was asked for: what is approved is exported, whatever has that name by then.
ALTER TABLE export_requests ADD COLUMN of_scope uuid;
