-- A payment may be refunded in parts, each by its own id.

alter table payment.payment
  -- What was paid back so far, and what the seats that came back with it had cost.
  add column refunded_minor bigint not null default 0,
  add column returned_minor bigint not null default 0,
  -- refund_id and refund_ref stand with each refund now, below; nothing writes them here any more.
  drop constraint refund_has_id,
  drop constraint refunded_has_ref;

-- One row a refund; written before the provider is asked, kept for ever.
create table payment.refund (
  event_id uuid not null,
  payment_id uuid not null,
  refund_id uuid not null,
  -- It was asked for without amounts: whatever was left.
  whole boolean not null,
  amount_minor bigint not null check (amount_minor >= 0),
  -- Value of the seats that came back with it.
  returned_minor bigint not null check (returned_minor >= 0),
  -- The provider's name for it; empty where there was nothing to pay back.
  provider_ref text,
  created_at timestamptz not null default clock_timestamp(),
  -- When the provider's answer was written; null while it is not known.
  finished_at timestamptz,
  primary key (event_id, payment_id, refund_id),
  foreign key (event_id, payment_id) references payment.payment (event_id, payment_id),
  constraint finished_has_ref check ((finished_at is null) = (provider_ref is null))
);

-- The database's own word: one refund of a payment at a time.
create unique index refund_one_running on payment.refund (event_id, payment_id) where finished_at is null;

insert into payment.refund (event_id, payment_id, refund_id, whole, amount_minor, returned_minor, provider_ref, created_at, finished_at)
select event_id, payment_id, refund_id, true, amount_minor, amount_minor, refund_ref, updated_at,
  case state when 9 then updated_at end
from payment.payment
where state in (8, 9);

update payment.payment set refunded_minor = amount_minor, returned_minor = amount_minor where state = 9;

-- Never more than was captured, whatever the code above does.
alter table payment.payment
  add constraint refunded_within_captured check (
    refunded_minor between 0 and coalesce(amount_minor, 0) and returned_minor between 0 and coalesce(amount_minor, 0)
  ),
  add constraint refunded_is_all check (state <> 9 or refunded_minor = amount_minor);

grant select, insert on payment.refund to boxoffice_payment;
grant update (provider_ref, finished_at) on payment.refund to boxoffice_payment;

-- What a ledger transaction was posted for where a payment can have several of a kind: a refund's id. Empty for captures,
-- and for refunds from before there could be several.
alter table payment.ledger_entry drop constraint ledger_entry_event_id_payment_id_kind_fkey;
alter table payment.ledger_link drop constraint ledger_link_event_id_payment_id_kind_fkey;

alter table payment.ledger_transaction
  add column reference text not null default '',
  drop constraint ledger_transaction_pkey,
  add primary key (event_id, payment_id, kind, reference);

alter table payment.ledger_entry
  add column reference text not null default '',
  drop constraint ledger_entry_pkey,
  add primary key (event_id, payment_id, kind, reference, account, currency_code),
  add foreign key (event_id, payment_id, kind, reference) references payment.ledger_transaction,
  drop constraint ledger_entry_account_check,
  -- `sales_allowances`: paid back although no seat came back.
  add constraint ledger_entry_account_check check (
    account in ('provider_receivable', 'ticket_sales', 'ticket_refunds', 'sales_allowances', 'provider_fees')
  );

alter table payment.ledger_link
  add column reference text not null default '',
  drop constraint ledger_link_event_id_payment_id_kind_key,
  add unique (event_id, payment_id, kind, reference),
  add foreign key (event_id, payment_id, kind, reference) references payment.ledger_transaction;

alter table payment.ledger_unsealed
  add column reference text not null default '',
  drop constraint ledger_unsealed_pkey,
  add primary key (created_at, event_id, payment_id, kind, reference);

create or replace function payment.refuse_unbalanced_entries() returns trigger language plpgsql as $$
begin
  if exists (
    select from added group by event_id, payment_id, kind, reference, currency_code having sum(amount_minor) <> 0
  ) then
    raise exception 'the entries of a ledger transaction must add up to zero in each currency'
      using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end
$$;

create or replace function payment.queue_for_sealing() returns trigger language plpgsql as $$
begin
  insert into payment.ledger_unsealed (created_at, event_id, payment_id, kind, reference)
  select created_at, event_id, payment_id, kind, reference from added;
  return null;
end
$$;
