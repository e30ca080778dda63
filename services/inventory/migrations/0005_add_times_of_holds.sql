-- When a hold was prolonged last, and when it left its states, for whoever asks why a seat is where it is. Null for what
-- happened before this migration.
alter table inventory.hold
  add column prolonged_at timestamptz(3),
  add column confirmed_at timestamptz(3),
  add column ended_at timestamptz(3);

grant update (prolonged_at, confirmed_at, ended_at) on inventory.hold to boxoffice_inventory;
