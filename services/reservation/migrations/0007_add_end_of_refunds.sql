-- When a refund ended: the money was back, and the places were. Null while it runs, and for those that ended before this
-- migration and had another after them.
alter table reservation.refund add column ended_at timestamptz(3);
grant update (ended_at) on reservation.refund to boxoffice_reservation;

update reservation.refund f
set ended_at = r.phase_at
from reservation.reservation r
where r.event_id = f.event_id and r.reservation_id = f.reservation_id and r.refund_id = f.refund_id and r.phase in (5, 7);
