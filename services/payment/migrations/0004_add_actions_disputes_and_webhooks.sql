-- State 10, action required: the customer has to do something at the provider's page before it authorises.
alter table payment.payment drop constraint payment_state_check;
alter table payment.payment add constraint payment_state_check check (state between 1 and 10);
alter table payment.payment add column action_url text;
alter table payment.payment add constraint action_has_url check ((action_url is not null) = (state = 10));
alter table payment.payment add constraint action_has_ref check (authorization_ref is not null or state <> 10);

-- Webhooks that were processed, by the provider's ids. Kept for longer than any provider repeats them, then deleted.
create table payment.webhook (
  provider text not null,
  notice_id text not null,
  received_at timestamptz not null default clock_timestamp(),
  primary key (provider, notice_id)
);

create index webhook_by_age on payment.webhook (received_at);

grant select, insert, delete on payment.webhook to boxoffice_payment;

-- How often the provider has refused, for good, to void or refund, why the last time, and when it is asked again. Each
-- refusal moves the idempotency key on.
alter table payment.payment
  add column refusals int not null default 0,
  add column refusal_reason text,
  add column retry_at timestamptz,
  add constraint refusal_has_reason check ((refusals > 0) = (refusal_reason is not null)),
  add constraint refusal_has_retry check ((refusals > 0) = (retry_at is not null));

alter table payment.refund
  add column refusals int not null default 0,
  add column refusal_reason text,
  add column retry_at timestamptz,
  add constraint refusal_has_reason check ((refusals > 0) = (refusal_reason is not null)),
  add constraint refusal_has_retry check ((refusals > 0) = (retry_at is not null));

create index payment_refused on payment.payment (state) where refusals > 0 and state = 6;
create index refund_refused on payment.refund (event_id, payment_id) where refusals > 0 and finished_at is null;

grant update (refusals, refusal_reason, retry_at) on payment.refund to boxoffice_payment;

-- Captured payments that the customer's bank took back, or wants to. Status: 1 inquiry, no money moved; 2 open, money
-- withdrawn; 3 won, money returned; 4 lost. A payment may have several, one after the other; the ledger's reference is theirs.
create table payment.dispute (
  event_id uuid not null,
  payment_id uuid not null,
  dispute_ref text not null,
  status smallint not null check (status between 1 and 4),
  amount_minor bigint not null check (amount_minor > 0),
  currency_code text not null,
  reason text not null,
  opened_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (event_id, payment_id, dispute_ref)
);

grant select, insert, update on payment.dispute to boxoffice_payment;

alter table payment.ledger_transaction drop constraint ledger_transaction_kind_check;
alter table payment.ledger_transaction add constraint ledger_transaction_kind_check
  check (kind in ('capture', 'refund', 'fee', 'chargeback', 'chargeback_reversal'));
alter table payment.ledger_entry drop constraint ledger_entry_account_check;
alter table payment.ledger_entry add constraint ledger_entry_account_check
  check (account in (
    'provider_receivable', 'ticket_sales', 'ticket_refunds', 'sales_allowances', 'provider_fees', 'chargebacks'
  ));
