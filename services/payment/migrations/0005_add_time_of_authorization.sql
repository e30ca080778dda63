-- When the provider's yes was written. Null before that, and for payments that were authorised before this migration. The
-- times of captures and refunds are those of their ledger transactions.
alter table payment.payment add column authorized_at timestamptz(3);
