-- Tickets, and who was let in with them. Every key starts with the event.

-- The places of a booking, numbered from 1: its seats in their order (`A:1,2;B:7`, see src/domain/seats.ts), or as many
-- places without a seat as it has for general admission.
create function reservation.places_of(seats text, quantity int)
returns table (place int, seat_row text, seat_number int)
language sql immutable parallel safe
as $$
  select n, null::text, null::int
  from generate_series(1, quantity) as n
  where seats = ''
  union all
  select row_number() over (order by block.i, seat.i)::int, split_part(block.part, ':', 1), seat.number::int
  from string_to_table(seats, ';') with ordinality as block (part, i)
  cross join lateral string_to_table(split_part(block.part, ':', 2), ',') with ordinality as seat (number, i)
  where seats <> ''
$$;

-- One row a seat or place of a booking that was confirmed. Rows stay for ever; a revoked one has its time.
create table reservation.ticket (
  event_id uuid not null,
  ticket_id uuid not null default gen_random_uuid(),
  reservation_id uuid not null,
  place int not null check (place > 0),
  area_id text not null,
  -- Both null for general admission.
  seat_row text,
  seat_number int,
  -- Whose it is now, and whose it was before its latest transfer.
  customer_id text not null,
  previous_customer_id text,
  -- Moves on with every transfer and with the revocation: codes of earlier epochs are void. Two bytes in a code.
  epoch int not null default 1 check (epoch between 1 and 65535),
  -- When the epoch moved on; until then the codes of the epoch before were good.
  epoch_at timestamptz(3) not null default clock_timestamp(),
  revoked_at timestamptz(3),
  revoke_reason text,
  issued_at timestamptz(3) not null default clock_timestamp(),
  primary key (event_id, ticket_id),
  foreign key (event_id, reservation_id) references reservation.reservation (event_id, reservation_id),
  constraint ticket_one_per_place unique (event_id, reservation_id, place),
  constraint seat_is_whole check ((seat_row is null) = (seat_number is null)),
  constraint revoked_has_its_reason check ((revoked_at is null) = (revoke_reason is null))
);

-- The database's own word on promise 2, at the door: a seat has one live ticket, whatever the code above does.
create unique index ticket_one_live_per_seat on reservation.ticket (event_id, area_id, seat_row, seat_number)
  where seat_row is not null and revoked_at is null;
create index ticket_by_customer on reservation.ticket (customer_id, event_id desc, reservation_id desc, place);
-- What a gate that works offline has to know: few of all tickets.
create index ticket_moved_on on reservation.ticket (event_id, ticket_id) where epoch > 1;

-- One row a person let in: append only, since who was let in was let in. A ticket's admission is the first by time, then by
-- device; any other, which only gates that were offline can have made, is a double admission.
create table reservation.admission (
  event_id uuid not null,
  device_id text not null,
  -- The device's key for this scan.
  nonce text not null,
  ticket_id uuid not null,
  gate text not null,
  admitted_at timestamptz(3) not null,
  offline boolean not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (event_id, device_id, nonce),
  foreign key (event_id, ticket_id) references reservation.ticket (event_id, ticket_id)
);

create index admission_by_ticket on reservation.admission (event_id, ticket_id);
-- Online a ticket is admitted once, whatever the code above does.
create unique index admission_one_online on reservation.admission (event_id, ticket_id) where not offline;

-- Public keys of codes. The private ones are derived from a setting and are nowhere in the database.
create table reservation.ticket_key (
  -- The first four bytes of the public key's SHA-256, hexadecimal.
  key_id text primary key check (key_id ~ '^[0-9a-f]{8}$'),
  -- 32 bytes, hexadecimal.
  public_key text not null check (public_key ~ '^[0-9a-f]{64}$'),
  created_at timestamptz(3) not null default clock_timestamp(),
  -- Set by hand where the secret leaked: codes of this key open no door any more.
  retired_at timestamptz(3)
);

-- Bookings that were confirmed before there were tickets.
insert into reservation.ticket (event_id, reservation_id, place, area_id, seat_row, seat_number, customer_id)
select r.event_id, r.reservation_id, p.place, r.area_id, p.seat_row, p.seat_number, r.customer_id
from reservation.reservation r
cross join lateral reservation.places_of(r.seats, r.quantity) as p
where r.phase = 5;

grant select, insert, update on reservation.ticket to boxoffice_reservation;
grant select, insert on reservation.admission to boxoffice_reservation;
grant select, insert on reservation.ticket_key to boxoffice_reservation;
