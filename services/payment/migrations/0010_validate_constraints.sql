-- Looks through tables without keeping anybody out: what has to hold for new rows holds for those from before as well.
alter table payment.refund validate constraint covered_within_amount;
alter table payment.refund validate constraint retry_has_cause;
alter table payment.refund validate constraint pending_has_cause;
alter table payment.ledger_transaction validate constraint ledger_transaction_kind_check;
alter table payment.ledger_transaction validate constraint fee_has_no_reference;
alter table payment.ledger_entry validate constraint ledger_entry_account_check;
