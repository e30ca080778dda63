-- The seats are kept from sale when the booking is refunded.
alter table reservation.reservation add column keep_blocked boolean not null default false;

-- Refunds that an organiser asked for, by their own ids; a booking has at most one. Kept for ever.
create table reservation.refund (
  event_id uuid not null,
  refund_id uuid not null,
  reservation_id uuid not null,
  reason text not null check (length(reason) between 1 and 500),
  keep_blocked boolean not null,
  requested_by text not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (event_id, refund_id),
  unique (event_id, reservation_id),
  foreign key (event_id, reservation_id) references reservation.reservation (event_id, reservation_id)
);

grant select, insert on reservation.refund to boxoffice_reservation;
