-- Since when, and why, the provider says of a refund that it is on its way; retry_at says when it is asked again.
alter table payment.refund
  add column pending_since timestamptz(3),
  add column pending_cause text,
  drop constraint refusal_has_retry,
  add constraint retry_has_cause check ((retry_at is not null) = (refusals > 0 or pending_since is not null)) not valid,
  add constraint pending_has_cause check ((pending_since is not null) = (pending_cause is not null)) not valid;

create index refund_pending on payment.refund (pending_since) where pending_since is not null and finished_at is null;

grant update (pending_since, pending_cause) on payment.refund to boxoffice_payment;
