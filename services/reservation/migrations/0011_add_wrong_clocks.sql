-- Whether the scanner's time could not be true, so that this admission counts as made when it was handed in. Null for those that were
-- made online, and for those from before this migration.
alter table reservation.admission add column clock_wrong boolean;
