-- Captures whose fee the provider has not told yet, to be asked about: a queue. A row goes when the fee is known; one that was
-- asked about in vain until the end stays, and is counted.
create table payment.fee_due (
  event_id uuid not null,
  payment_id uuid not null,
  -- How often it was asked about, counted before each ask.
  asks smallint not null default 0,
  -- When it is asked about next; never again at infinity.
  ask_at timestamptz not null default clock_timestamp() + interval '1 minute',
  primary key (event_id, payment_id),
  foreign key (event_id, payment_id) references payment.payment (event_id, payment_id) on delete cascade
);

create index fee_due_by_time on payment.fee_due (ask_at);

grant select, insert, delete on payment.fee_due to boxoffice_payment;
grant update (asks, ask_at) on payment.fee_due to boxoffice_payment;

-- The database's own word: one fee of a payment.
alter table payment.ledger_transaction
  add constraint fee_has_no_reference check (kind <> 'fee' or reference = '') not valid;
