-- When the provider said that a refund which it had made has failed after all, weeks later perhaps: a card was closed.
alter table payment.refund add column failed_at timestamptz(3);

create index refund_failed on payment.refund (event_id, payment_id) where failed_at is not null;

grant update (failed_at) on payment.refund to boxoffice_payment;
