-- A confirmed booking may be refunded in parts. Phase 11: a part is on its way back, the rest stays confirmed.

alter table reservation.reservation
  -- What its refunds pay back together, the running one included.
  add column refunded_minor bigint not null default 0,
  drop constraint reservation_phase_check,
  add constraint reservation_phase_check check (phase between 1 and 11),
  drop constraint unfinished_is_scheduled,
  add constraint unfinished_is_scheduled check ((phase in (2, 3, 4, 6, 8, 11)) = (next_attempt_at is not null)),
  drop constraint confirmed_has_its_time,
  add constraint confirmed_has_its_time check (
    case when phase in (5, 11) then confirmed_at is not null when phase in (1, 2, 3, 4, 8, 9, 10) then confirmed_at is null else true end
  ),
  drop constraint refund_has_its_key,
  add constraint refund_has_its_key check (
    case when phase in (6, 7, 11) then refund_id is not null when phase = 5 then true else refund_id is null end
  ),
  drop constraint paying_has_its_payment,
  add constraint paying_has_its_payment check (phase not in (2, 3, 4, 5, 6, 7, 11) or payment_id is not null);

update reservation.reservation set refunded_minor = unit_price_minor * quantity where phase in (6, 7);

-- The database's own word: never more than was paid.
alter table reservation.reservation
  add constraint refunded_within_total check (refunded_minor between 0 and unit_price_minor * quantity);

-- Every refund has a row now, whoever asked for it, and a booking may have several.
alter table reservation.refund
  drop constraint refund_event_id_reservation_id_key,
  add column kind text not null default 'whole' check (kind in ('whole', 'tickets', 'amount')),
  -- What it pays back, and what the places that come back with it had cost.
  add column amount_minor bigint not null default 0 check (amount_minor >= 0),
  add column returned_minor bigint not null default 0 check (returned_minor >= 0),
  -- The tickets that were named, in order; empty where none were.
  add column ticket_ids uuid[] not null default '{}';

create index refund_by_reservation on reservation.refund (event_id, reservation_id);

insert into reservation.refund (event_id, refund_id, reservation_id, reason, keep_blocked, requested_by)
select r.event_id, r.refund_id, r.reservation_id, 'cancelled by the customer', r.keep_blocked, r.customer_id
from reservation.reservation r
where r.phase in (6, 7)
on conflict do nothing;

update reservation.refund f
set amount_minor = r.unit_price_minor * r.quantity, returned_minor = r.unit_price_minor * r.quantity
from reservation.reservation r
where r.event_id = f.event_id and r.reservation_id = f.reservation_id;

-- It stands with the refund.
alter table reservation.reservation drop column keep_blocked;

-- Which refund took a ticket.
alter table reservation.ticket add column refund_id uuid;
update reservation.ticket t
set refund_id = r.refund_id, revoked_at = coalesce(t.revoked_at, r.phase_at), revoke_reason = coalesce(t.revoke_reason, 'refunded')
from reservation.reservation r
where r.event_id = t.event_id and r.reservation_id = t.reservation_id and r.phase in (6, 7);
alter table reservation.ticket
  add constraint refunded_is_revoked check (refund_id is null or revoked_at is not null);
