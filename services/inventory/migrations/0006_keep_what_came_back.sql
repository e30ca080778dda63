-- What a confirmed hold gave back, all at once or part by part, for whoever asks why a seat is where it is: the hold itself
-- says only what it owns still. Nothing of what came back before this migration.
create table inventory.hold_return (
  event_id uuid not null,
  hold_id uuid not null,
  -- Places that the hold owned afterwards: fewer each time, so that no return can be written twice.
  quantity_left int not null check (quantity_left >= 0),
  quantity int not null check (quantity > 0),
  -- Empty for general admission.
  seats int[] not null,
  -- They were kept from sale.
  blocked boolean not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (event_id, hold_id, quantity_left),
  foreign key (event_id, hold_id) references inventory.hold (event_id, hold_id)
);

grant select, insert on inventory.hold_return to boxoffice_inventory;
