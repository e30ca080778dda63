-- Which transfers took place, so that each gives the same answer whenever it is repeated, however the ticket has moved on, and
-- so that it is known from when to when an epoch lasted. At most 1,000 a ticket (src/tickets/domain/transfer.ts), kept for ever.
create table reservation.transfer (
  event_id uuid not null,
  ticket_id uuid not null,
  -- The epoch that it ended.
  epoch int not null check (epoch between 1 and 65535),
  -- Who gave, and who got.
  customer_id text not null,
  receiver_id text not null,
  -- Null for one from before this was kept whose ticket was revoked since.
  transferred_at timestamptz(3) default clock_timestamp(),
  primary key (event_id, ticket_id, epoch),
  foreign key (event_id, ticket_id) references reservation.ticket (event_id, ticket_id)
);

-- Of the transfers so far each ticket knows its latest. A revocation moved the epoch on once more, and took the time's place.
insert into reservation.transfer (event_id, ticket_id, epoch, customer_id, receiver_id, transferred_at)
select t.event_id, t.ticket_id, t.epoch - case when t.revoked_at is null then 1 else 2 end, t.previous_customer_id,
  t.customer_id, case when t.revoked_at is null then t.epoch_at end
from reservation.ticket t
where t.previous_customer_id is not null;

grant select, insert on reservation.transfer to boxoffice_reservation;

comment on column reservation.ticket_key.retired_at is
  'Set by hand. The key signs nothing as soon as this is set; its codes open doors until then, so that it may lie ahead.';
