alter table reservation.reservation
  -- Where the customer has to go before the provider authorises.
  add column next_action_url text,
  -- The hold in inventory, where it is not the reservation's own: its seats were held again for a payment that came late.
  add column hold_id uuid,
  -- Why it ended: 1 hold lapsed, 2 capture declined, 3 paid too late, 4 cancelled while the provider waited.
  add column end_reason smallint,
  add constraint action_only_while_authorizing check (next_action_url is null or phase = 2),
  add constraint end_reason_is_known check (end_reason between 1 and 4);
