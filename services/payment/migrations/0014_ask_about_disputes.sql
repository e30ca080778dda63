alter table payment.dispute
  -- When the provider is asked about it while it is open; each piece of news, and each ask that is
  -- answered, puts it off by a day. The default is
  -- worked out once for the rows that there are, so that the table is not written anew.
  add column ask_at timestamptz not null default now() + interval '1 day',
  -- Why the last ask did not tell how it stands; null where it did, or where there was none.
  add column ask_fault text;

-- The few that are open.
create index dispute_open on payment.dispute (ask_at) where status = 2;
