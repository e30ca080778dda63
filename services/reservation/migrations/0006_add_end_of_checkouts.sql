-- When an attempt to pay ended. Null while it runs, and for attempts that ended before this migration.
alter table reservation.checkout add column ended_at timestamptz(3);
