alter table payment.refund
  -- Since when the provider may have paid what it is asked for; null while it certainly did not. What is asked for stays as it is
  -- meanwhile, whatever becomes of disputes.
  add column asked_at timestamptz(3),
  drop constraint retry_has_cause,
  -- The end of a dispute sets a time for refunds that nothing is known of, too.
  add constraint retry_has_time check (retry_at is not null or (refusals = 0 and pending_since is null)) not valid;

grant update (asked_at) on payment.refund to boxoffice_payment;

-- The few that are open now, refused ones too, which may have been asked for again since.
update payment.refund set asked_at = coalesce(pending_since, created_at) where finished_at is null and repays is null;
