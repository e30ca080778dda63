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

-- Written by the database itself, so that no transfer is without its row: replicas of the build before know nothing of this table.
create function reservation.keep_transfer() returns trigger language plpgsql as $$
begin
  insert into reservation.transfer (event_id, ticket_id, epoch, customer_id, receiver_id, transferred_at)
  values (old.event_id, old.ticket_id, old.epoch, old.customer_id, new.customer_id, new.epoch_at);
  return null;
end
$$;

create trigger keep_transfer after update of customer_id on reservation.ticket
  for each row when (old.customer_id <> new.customer_id)
  execute function reservation.keep_transfer();

grant select, insert on reservation.transfer to boxoffice_reservation;

comment on column reservation.ticket_key.retired_at is
  'Set by hand. The key signs nothing as soon as this is set; its codes open doors until then, so that it may lie ahead.';
