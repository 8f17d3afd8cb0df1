-- Marks go with their room: without this all marks of everybody are looked through when one is deleted.
CREATE INDEX read_marks_room ON read_marks (room);

-- When somebody has read on: of more marks than rooms that one user may be in, the oldest are forgotten.
ALTER TABLE read_marks ADD COLUMN at timestamptz NOT NULL DEFAULT now();
