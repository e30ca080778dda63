-- What a batch asks that finds an area short: which of its holds have lapsed. hold_by_expiry answers that only by reading
-- everybody's, and hold_by_customer by reading every live hold.
create index hold_by_area_and_expiry on inventory.hold (event_id, area_id, expires_at) where state = 'held';
