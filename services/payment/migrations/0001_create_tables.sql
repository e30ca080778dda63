-- State numbers are those of boxoffice.payment.v1.PaymentState:
-- 1 authorizing, 2 authorized, 3 declined, 4 capturing, 5 captured, 6 voiding, 7 voided, 8 refunding, 9 refunded.

create table payment.payment (
  event_id uuid not null,
  payment_id uuid not null,
  state smallint not null check (state between 1 and 9),
  -- What was asked for. All null in a tombstone: a payment that was voided before its authorisation arrived.
  reservation_id uuid,
  customer_id text,
  amount_minor bigint check (amount_minor >= 0),
  currency_code text,
  request_hash bytea,
  provider text,
  -- Kept only while the authorisation's answer is unknown, since asking again needs it.
  payment_method_token text,
  authorization_ref text,
  capture_ref text,
  refund_ref text,
  decline_reason text,
  refund_id uuid,
  created_at timestamptz not null default clock_timestamp(),
  -- When the state changed last.
  updated_at timestamptz not null default clock_timestamp(),
  -- When a resumer last took it up.
  attempted_at timestamptz not null default clock_timestamp(),
  primary key (event_id, payment_id),
  constraint tombstone_is_voided check (
    state = 7 or num_nulls(reservation_id, customer_id, amount_minor, currency_code, request_hash, provider) = 0
  ),
  constraint token_only_while_authorizing check (payment_method_token is null or state = 1),
  constraint declined_has_reason check ((decline_reason is not null) = (state = 3)),
  constraint refund_has_id check ((refund_id is not null) = (state in (8, 9))),
  constraint authorized_has_ref check (authorization_ref is not null or state not in (2, 4, 5, 8, 9)),
  constraint captured_has_ref check ((capture_ref is not null) = (state in (5, 8, 9))),
  constraint refunded_has_ref check ((refund_ref is not null) = (state = 9))
);

-- Payments whose provider's answer is not known. Small: every payment passes through, none stays.
create index payment_pending on payment.payment (attempted_at) where state in (1, 4, 6, 8);

-- The ledger is double entry and append only. The primary keys are natural ones, so that the database itself refuses a
-- second capture or a second refund of a payment.
create table payment.ledger_transaction (
  event_id uuid not null,
  payment_id uuid not null,
  kind text not null check (kind in ('capture', 'refund')),
  created_at timestamptz not null default clock_timestamp(),
  primary key (event_id, payment_id, kind)
);

create table payment.ledger_entry (
  event_id uuid not null,
  payment_id uuid not null,
  kind text not null,
  account text not null check (account in ('provider_receivable', 'ticket_sales', 'ticket_refunds')),
  currency_code text not null,
  -- Debits are positive, credits negative.
  amount_minor bigint not null,
  primary key (event_id, payment_id, kind, account, currency_code),
  foreign key (event_id, payment_id, kind) references payment.ledger_transaction
);

-- Entries arrive balanced, statement by statement; so every transaction is balanced, always, without a look at older rows.
create function payment.refuse_unbalanced_entries() returns trigger language plpgsql as $$
begin
  if exists (
    select from added group by event_id, payment_id, kind, currency_code having sum(amount_minor) <> 0
  ) then
    raise exception 'the entries of a ledger transaction must add up to zero in each currency'
      using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end
$$;

create trigger balanced after insert on payment.ledger_entry
  referencing new table as added for each statement execute function payment.refuse_unbalanced_entries();

-- The role has no right to change the ledger; this stops the owner's slips as well.
create function payment.refuse_ledger_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append only' using errcode = 'integrity_constraint_violation';
end
$$;

create trigger append_only before update or delete or truncate on payment.ledger_transaction
  for each statement execute function payment.refuse_ledger_change();
create trigger append_only before update or delete or truncate on payment.ledger_entry
  for each statement execute function payment.refuse_ledger_change();

grant select, insert, update on payment.payment to boxoffice_payment;
grant select, insert on payment.ledger_transaction, payment.ledger_entry to boxoffice_payment;
