-- What the Front Ends of a pool keep for their users, as it stood at a revision of the stream of the routing group: the copy that
-- is read when the stream is lost. Revision 0 is of a stream that is no more.
CREATE TABLE user_state_backup (
  pool     text COLLATE "C" NOT NULL,
  grp      smallint NOT NULL,
  key      text COLLATE "C" NOT NULL,
  revision bigint NOT NULL,
  value    text NOT NULL,
  PRIMARY KEY (pool, grp, key)
);

-- Who may write the rows of a group, and up to which revision of which stream they are complete.
CREATE TABLE user_state_backup_groups (
  pool        text COLLATE "C" NOT NULL,
  grp         smallint NOT NULL,
  incarnation text NOT NULL,
  term        bigint NOT NULL,
  pod         text NOT NULL,
  revision    bigint NOT NULL DEFAULT 0,
  at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pool, grp)
);
