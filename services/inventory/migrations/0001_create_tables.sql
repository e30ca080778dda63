-- Every key starts with the event, so that the tables can be distributed by event without changing a query.

create type inventory.event_state as enum ('draft', 'published');
create type inventory.hold_state as enum ('held', 'confirmed', 'released', 'expired', 'refunded');

create table inventory.event (
  event_id uuid primary key,
  organiser_id text not null,
  name text not null,
  venue text not null,
  start_time timestamptz not null,
  sale_start_time timestamptz not null,
  sale_end_time timestamptz not null,
  customer_limit int not null,
  hold_ttl_ms int not null,
  state inventory.event_state not null default 'draft',
  -- What the caller asked for, to tell a repeat from another request with the same key, and how large it was.
  request_fingerprint text not null,
  request_bytes int not null,
  created_at timestamptz not null default clock_timestamp(),
  check (sale_start_time < sale_end_time),
  check (customer_limit >= 0),
  check (hold_ttl_ms > 0)
);
create index event_by_start_time on inventory.event (start_time, event_id);

-- An area's chart and price. Never changes once written: services keep it in memory, and no role may update it.
create table inventory.area (
  event_id uuid not null,
  area_id text not null,
  position int not null,
  name text not null,
  kind text not null check (kind in ('seated', 'general_admission')),
  row_labels text[] not null,
  row_seat_counts int[] not null,
  capacity int not null check (capacity > 0),
  price_minor bigint not null check (price_minor >= 0),
  currency_code text not null,
  primary key (event_id, area_id),
  unique (event_id, position),
  check (cardinality(row_labels) = cardinality(row_seat_counts))
);

-- What is left of an area: the row that every change of the area locks first. Half of each page stays free, so that an
-- update finds room on its own page and touches no index.
create table inventory.stock (
  event_id uuid not null,
  area_id text not null,
  capacity int not null,
  free int not null,
  held int not null,
  sold int not null,
  blocked int not null,
  -- Two bits a seat, seat 0 in the low bits of byte 0: 0 free, 1 held, 2 sold, 3 blocked. Empty for general admission.
  seat_map bytea not null,
  sequence bigint not null default 0,
  primary key (event_id, area_id),
  check (free + held + sold + blocked = capacity),
  check (least(free, held, sold, blocked) >= 0)
) with (fillfactor = 50);

create table inventory.hold (
  event_id uuid not null,
  hold_id uuid not null,
  area_id text not null,
  customer_id text not null,
  quantity int not null check (quantity > 0),
  -- Seat numbers counted through the area from 0, row by row; empty for general admission.
  seats int[] not null,
  -- The command's selection in canonical words, to tell a repeat from another command with the same key.
  selection text not null,
  state inventory.hold_state not null default 'held',
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (event_id, hold_id),
  check (cardinality(seats) in (0, quantity))
);
create index hold_by_expiry on inventory.hold (expires_at) where state = 'held';
create index hold_by_customer on inventory.hold (event_id, customer_id) where state in ('held', 'confirmed');

-- One row for each seat that a live hold owns: the database itself refuses a second owner.
create table inventory.seat_claim (
  event_id uuid not null,
  area_id text not null,
  seat int not null,
  hold_id uuid not null,
  primary key (event_id, area_id, seat)
);

grant select, insert on inventory.event, inventory.area, inventory.stock, inventory.hold, inventory.seat_claim
  to boxoffice_inventory;
grant update (state) on inventory.event to boxoffice_inventory;
grant update (free, held, sold, seat_map, sequence) on inventory.stock to boxoffice_inventory;
grant update (state, expires_at) on inventory.hold to boxoffice_inventory;
grant delete on inventory.seat_claim to boxoffice_inventory;
