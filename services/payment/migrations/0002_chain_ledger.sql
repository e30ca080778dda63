-- The area that a payment was for, so that the ledger can tell areas apart. Empty where the caller did not name it.
alter table payment.payment add column area_id text not null default '';
alter table payment.ledger_transaction add column area_id text not null default '';

-- What the provider keeps for itself: debit provider_fees, credit provider_receivable.
alter table payment.ledger_transaction drop constraint ledger_transaction_kind_check;
alter table payment.ledger_transaction add constraint ledger_transaction_kind_check
  check (kind in ('capture', 'refund', 'fee'));
alter table payment.ledger_entry drop constraint ledger_entry_account_check;
alter table payment.ledger_entry add constraint ledger_entry_account_check
  check (account in ('provider_receivable', 'ticket_sales', 'ticket_refunds', 'provider_fees'));

-- The chain: one link a transaction, numbered without gaps, each hashed over the one before. See src/domain/ledger-chain.ts.
create table payment.ledger_link (
  link_no bigint primary key check (link_no > 0),
  event_id uuid not null,
  payment_id uuid not null,
  kind text not null,
  -- Of the link before; 32 zero bytes in the first one. Unique: the chain never forks, whoever seals.
  previous_hash bytea not null unique check (length(previous_hash) = 32),
  -- Of the transaction and its entries.
  content_hash bytea not null check (length(content_hash) = 32),
  -- Of previous_hash and content_hash.
  hash bytea not null unique check (length(hash) = 32),
  sealed_at timestamptz not null default clock_timestamp(),
  unique (event_id, payment_id, kind),
  foreign key (event_id, payment_id, kind) references payment.ledger_transaction
);

create trigger append_only before update or delete or truncate on payment.ledger_link
  for each statement execute function payment.refuse_ledger_change();

-- Transactions that no link seals yet: a queue, so that sealing never looks for "newer than the last", which would miss
-- whatever commits late. Whoever posts a transaction queues it with that.
create table payment.ledger_unsealed (
  created_at timestamptz not null,
  event_id uuid not null,
  payment_id uuid not null,
  kind text not null,
  primary key (created_at, event_id, payment_id, kind)
);

create function payment.queue_for_sealing() returns trigger language plpgsql as $$
begin
  insert into payment.ledger_unsealed (created_at, event_id, payment_id, kind)
  select created_at, event_id, payment_id, kind from added;
  return null;
end
$$;

create trigger queued_for_sealing after insert on payment.ledger_transaction
  referencing new table as added for each statement execute function payment.queue_for_sealing();

insert into payment.ledger_unsealed (created_at, event_id, payment_id, kind)
select created_at, event_id, payment_id, kind from payment.ledger_transaction;

grant select, insert on payment.ledger_link to boxoffice_payment;
grant select, insert, delete on payment.ledger_unsealed to boxoffice_payment;
