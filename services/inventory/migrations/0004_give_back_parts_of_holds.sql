-- A refund may give back a part of a confirmed hold: it goes on owning the rest.
grant update (quantity, seats) on inventory.hold to boxoffice_inventory;

-- The database's own word: what a hold owns never grows or moves, and only a confirmed one gives up a part.
create function inventory.refuse_growing_hold() returns trigger language plpgsql as $$
begin
  if old.state <> 'confirmed' or new.quantity >= old.quantity or not new.seats <@ old.seats then
    raise exception 'a hold owns no more than before' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;

create trigger owns_no_more before update of quantity, seats on inventory.hold
  for each row when ((old.quantity, old.seats) is distinct from (new.quantity, new.seats))
  execute function inventory.refuse_growing_hold();

-- Until when a customer may give a paid booking back; the start of the event where it is null.
alter table inventory.event add column refund_until_time timestamptz;
