-- What was captured before anybody asked for fees. In a file of its own, which keeps no payment from being written: the one that
-- made the queue held payments locked to its end.
insert into payment.fee_due (event_id, payment_id)
select event_id, payment_id
from payment.payment as p
where state in (5, 8, 9) and amount_minor > 0
  and not exists (
    select from payment.ledger_transaction as t
    where t.event_id = p.event_id and t.payment_id = p.payment_id and t.kind = 'fee')
on conflict do nothing;
