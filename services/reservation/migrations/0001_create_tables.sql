-- The life of a booking. Every key starts with the event, so that the tables can be distributed by it.

-- One row a reservation. Phases are those of src/domain/booking.ts:
-- 1 held, 2 authorizing, 3 capturing, 4 voiding, 5 confirmed, 6 refunding, 7 refunded, 8 releasing, 9 cancelled, 10 expired.
create table reservation.reservation (
  event_id uuid not null,
  reservation_id uuid not null,
  customer_id text not null,
  area_id text not null,
  quantity int not null check (quantity > 0),
  -- `A:1,2;B:7`, see src/domain/seats.ts; empty for general admission.
  seats text not null,
  unit_price_minor bigint not null check (unit_price_minor >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  phase smallint not null check (phase between 1 and 10),
  phase_at timestamptz(3) not null default clock_timestamp(),
  payment_id uuid,
  -- Needed to ask for the authorisation again after a crash; gone once that is answered.
  payment_method_token text,
  refund_id uuid,
  checkout_count smallint not null default 0 check (checkout_count <= 10),
  -- Tries of the phase's calls so far, for the backoff.
  attempts smallint not null default 0,
  -- When somebody has to carry on, unless whoever works on it moves this further.
  next_attempt_at timestamptz,
  created_at timestamptz(3) not null default clock_timestamp(),
  hold_expires_at timestamptz(3) not null,
  confirmed_at timestamptz(3),
  primary key (event_id, reservation_id),
  constraint unfinished_is_scheduled check ((phase in (2, 3, 4, 6, 8)) = (next_attempt_at is not null)),
  constraint token_only_while_authorizing check ((phase = 2) = (payment_method_token is not null)),
  constraint confirmed_has_its_time check (case when phase = 5 then confirmed_at is not null when phase in (1, 2, 3, 4, 8, 9, 10) then confirmed_at is null else true end),
  constraint refund_has_its_key check ((phase in (6, 7)) = (refund_id is not null)),
  constraint paying_has_its_payment check (phase not in (2, 3, 4, 5, 6, 7) or payment_id is not null)
);

create index reservation_by_customer on reservation.reservation (customer_id, created_at desc, reservation_id desc, event_id desc);
create index reservation_lapsing on reservation.reservation (hold_expires_at) where phase = 1;
create index reservation_unfinished on reservation.reservation (next_attempt_at) where next_attempt_at is not null;

-- One row an attempt to pay. Kept for ever, so that its key gives the same outcome whenever it is repeated.
create table reservation.checkout (
  event_id uuid not null,
  reservation_id uuid not null,
  idempotency_key text not null,
  payment_id uuid not null,
  -- SHA-256 of the payment method's token, hexadecimal: the same key with another token is refused.
  token_digest text not null,
  -- Null while it runs; 1 confirmed, 2 declined, 3 expired.
  outcome smallint check (outcome between 1 and 3),
  decline_reason text,
  created_at timestamptz(3) not null default clock_timestamp(),
  primary key (event_id, reservation_id, idempotency_key),
  foreign key (event_id, reservation_id) references reservation.reservation (event_id, reservation_id),
  constraint declined_has_its_reason check ((outcome is not distinct from 2) = (decline_reason is not null))
);

-- The database's own word on promise 5: at most one attempt runs, and at most one succeeds.
create unique index checkout_one_running on reservation.checkout (event_id, reservation_id) where outcome is null;
create unique index checkout_one_paid on reservation.checkout (event_id, reservation_id) where outcome = 1;

-- Messages to be published, written with what they tell of. One row holds the messages of one statement and event: a rush
-- of holds makes few rows.
create table reservation.outbox (
  event_id uuid not null,
  outbox_id bigint generated always as identity,
  messages json not null,
  -- A relay that took the row has until then to publish and delete it.
  claimed_until timestamptz not null default '-infinity',
  created_at timestamptz not null default clock_timestamp(),
  primary key (event_id, outbox_id)
);

create index outbox_claimable on reservation.outbox (claimed_until);

grant select, insert, update on reservation.reservation to boxoffice_reservation;
grant select, insert, update on reservation.checkout to boxoffice_reservation;
grant select, insert, update, delete on reservation.outbox to boxoffice_reservation;
