-- What was stored after 0003 had looked and before 0004 was there. On its own, when the triggers are committed: nothing slips through
-- then, and the table is not locked while it is read.

INSERT INTO room_categories
  SELECT DISTINCT scope, found::uuid FROM (
    SELECT scope, substring(event FROM '"category":"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"') AS found
    FROM events WHERE kind IN ('room-created', 'room-changed')
  ) AS named WHERE found IS NOT NULL
  ON CONFLICT DO NOTHING;

-- Locked in the order in which pods lock them.
UPDATE chains SET is_category = true WHERE scope IN (
  SELECT scope FROM chains c WHERE NOT is_category AND (
    scope IN (SELECT category FROM room_categories)
    OR EXISTS (SELECT FROM events e WHERE e.scope = c.scope AND e.seq = c.cut_seq + 1 AND e.kind LIKE 'category-%')
  ) ORDER BY scope FOR UPDATE
);
