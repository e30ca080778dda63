-- Looks through the table without keeping anybody out.
alter table payment.refund validate constraint retry_has_time;
