-- When the repayer last took a repayment up, so that retry_at goes on saying since when its provider should have been asked.
alter table payment.refund add column taken_at timestamptz;

grant update (taken_at) on payment.refund to boxoffice_payment;
