-- Of the transfers so far each ticket knows its latest. A revocation moved the epoch on once more, and took the time's place.
-- A file of its own, since this looks through all tickets, and to make the table locked them against changes; tickets that were
-- transferred in between have the row already.
insert into reservation.transfer (event_id, ticket_id, epoch, customer_id, receiver_id, transferred_at)
select t.event_id, t.ticket_id, t.epoch - case when t.revoked_at is null then 1 else 2 end, t.previous_customer_id,
  t.customer_id, case when t.revoked_at is null then t.epoch_at end
from reservation.ticket t
where t.previous_customer_id is not null
on conflict do nothing;
