-- Rooms as SIP clients use them: how they are called, and whom they tell.

-- What stands after "room-" in a room's URI. It is made of the name that the room has first, so that people can type it, and stays
-- when the room is renamed.
CREATE TABLE sip_addresses (
  address text PRIMARY KEY CHECK (address ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'),
  room uuid NOT NULL UNIQUE REFERENCES rooms ON DELETE CASCADE
);

-- "Vertrieb Süd (EU)" is "vertrieb-sud-eu": letters without their accents, and a hyphen for all that is neither letter nor digit.
CREATE FUNCTION sip_slug(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT trim(BOTH '-' FROM left(regexp_replace(
    regexp_replace(normalize(lower(name), NFKD), '[\u0300-\u036f]+', '', 'g'), '[^a-z0-9]+', '-', 'g'), 48))
$$;

-- Names that look alike get numbers; one without a letter or digit of these, or with too many like it, is called by its id.
CREATE FUNCTION sip_address_for(room uuid, name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  slug text := sip_slug(name);
BEGIN
  FOR n IN 1..50 LOOP
    EXIT WHEN slug = '';
    INSERT INTO sip_addresses VALUES (slug || CASE n WHEN 1 THEN '' ELSE '-' || n END, room) ON CONFLICT DO NOTHING;
    IF FOUND THEN RETURN; END IF;
  END LOOP;
  INSERT INTO sip_addresses VALUES (room::text, room);
END $$;

CREATE FUNCTION sip_address_of_new_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sip_address_for(NEW.id, NEW.name);
  RETURN NULL;
END $$;
CREATE TRIGGER rooms_sip_address AFTER INSERT ON rooms
  FOR EACH ROW EXECUTE FUNCTION sip_address_of_new_room();
SELECT sip_address_for(id, name) FROM rooms ORDER BY created_at, id;

-- Who is told by SIP what is posted in a room: until they leave it, wherever they are signed in, whichever pods there are.
CREATE TABLE sip_members (
  room uuid NOT NULL REFERENCES rooms ON DELETE CASCADE,
  member text NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  -- The number of the last event that the member was told of, or need not be told of.
  mark bigint NOT NULL,
  -- The process that tells it, "<pod>/<incarnation>"; NULL: whoever comes first. Only this one moves the mark.
  teller text,
  PRIMARY KEY (room, member)
);
CREATE INDEX sip_members_member ON sip_members (member);
