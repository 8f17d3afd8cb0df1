-- Exports that one administrator asks for and another one has to approve, where the configuration says so.
CREATE TABLE export_requests (
  id uuid PRIMARY KEY,
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  -- One of them is not empty.
  of_room text NOT NULL,
  of_user text NOT NULL,
  reason text NOT NULL,
  approved_by text,
  approved_at timestamptz
);
CREATE INDEX export_requests_asked_at ON export_requests (asked_at);
