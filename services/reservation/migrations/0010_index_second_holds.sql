-- For whoever asks which booking a hold belongs to. Bookings that were paid in time have no hold but their own.
create index if not exists second_hold on reservation.reservation (event_id, hold_id) where hold_id is not null;
