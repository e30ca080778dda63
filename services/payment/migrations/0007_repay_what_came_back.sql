-- What a customer is owed again has a row of its own, which is asked for like any refund: a refund failed after it was done,
-- or the bank gave back to us, on appeal, a chargeback that had stood for a refund.
alter table payment.refund
  -- The refund that this one pays once more; null for one that was asked for.
  add column repays uuid,
  -- Of the amount: what the customer has already, since a dispute was lost. The provider is asked for the rest.
  add column covered_minor bigint not null default 0,
  add constraint covered_within_amount check (covered_minor between 0 and amount_minor) not valid;

grant update (covered_minor) on payment.refund to boxoffice_payment;

-- One refund of a payment at a time; a repayment keeps no other waiting.
drop index payment.refund_one_running;
create unique index refund_one_running on payment.refund (event_id, payment_id) where finished_at is null and repays is null;
create index refund_owed on payment.refund (retry_at) where finished_at is null and repays is not null;

alter table payment.ledger_transaction drop constraint ledger_transaction_kind_check;
alter table payment.ledger_transaction add constraint ledger_transaction_kind_check
  check (kind in ('capture', 'refund', 'refund_reversal', 'fee', 'chargeback', 'chargeback_reversal')) not valid;
alter table payment.ledger_entry drop constraint ledger_entry_account_check;
alter table payment.ledger_entry add constraint ledger_entry_account_check
  check (account in (
    -- `refunds_owed`: seats are back, and the money for them is not with the customer.
    'provider_receivable', 'ticket_sales', 'ticket_refunds', 'sales_allowances', 'provider_fees', 'chargebacks', 'refunds_owed'
  )) not valid;

-- Those that failed before this migration. They are owed, and nobody asks for them by itself: a person may have paid them back
-- otherwise since, and some may be no more than an earlier try that failed.
with owed as (
  insert into payment.refund (
    event_id, payment_id, refund_id, whole, amount_minor, returned_minor, repays, refusals, refusal_reason, retry_at)
  select event_id, payment_id, gen_random_uuid(), false, amount_minor, 0, refund_id, refusals + 1, 'other', 'infinity'
  from payment.refund
  where failed_at is not null and amount_minor > 0
  returning event_id, payment_id, refund_id::text as reference, amount_minor
), posted as (
  insert into payment.ledger_transaction (event_id, payment_id, kind, reference, area_id)
  select event_id, payment_id, 'refund_reversal', reference, area_id
  from owed join payment.payment using (event_id, payment_id)
)
insert into payment.ledger_entry (event_id, payment_id, kind, reference, account, currency_code, amount_minor)
select event_id, payment_id, 'refund_reversal', reference, account, currency_code, sign * owed.amount_minor
from owed join payment.payment using (event_id, payment_id)
cross join (values ('provider_receivable', 1), ('refunds_owed', -1)) as rule (account, sign);
