// What a run is worth: nothing, unless the database agrees afterwards with what buyers were told.

import type { Sql } from "#shared/sql";

/** What buyers were told. */
export type Told = {
  /** Ids that were acknowledged: held, or paid. */
  okIds: readonly string[];
  /** Requests whose outcome they don't know: 5xx and broken connections. */
  unknown: number;
};

/** What kind of run it was. */
export type RunKind = {
  /** Holds may have ended since, so that fewer are left than were acknowledged. */
  holdsMayEnd?: boolean;
  /** The acknowledged ids were paid, and what was only held was not acknowledged. */
  paid?: boolean;
};

/** Returns what is wrong, in words; nothing when the run counts. The events belong to the run alone. */
export async function disagreements(
  sql: Sql,
  eventIds: readonly string[],
  told: Told,
  { holdsMayEnd = false, paid = false }: RunKind = {},
): Promise<string[]> {
  const [holds, payments] = [
    await holdDisagreements(sql, eventIds, told, { holdsMayEnd, paid }),
    paid ? await paymentDisagreements(sql, eventIds, told) : [],
  ];
  return [...holds, ...payments];
}

async function holdDisagreements(
  sql: Sql,
  eventIds: readonly string[],
  { okIds, unknown }: Told,
  { holdsMayEnd, paid }: Required<RunKind>,
): Promise<string[]> {
  const events = eventIds as string[];
  const [found] = await sql<Record<string, number>[]>`
    select
      (select count(*) from inventory.hold where event_id = any(${events})) as holds,
      (select count(*) from inventory.hold where event_id = any(${events}) and state not in ('held', 'confirmed')) as ended,
      (select count(*) from reservation.reservation where event_id = any(${events})) as reservations,
      (select count(*) from unnest(${okIds as string[]}::uuid[]) as id
        left join (select hold_id from inventory.hold where event_id = any(${events})) as h on h.hold_id = id
        left join (select reservation_id from reservation.reservation where event_id = any(${events})) as r
          on r.reservation_id = id
        where h.hold_id is null or r.reservation_id is null) as lost,
      (select count(*) from (
        select event_id, area_id, seat from inventory.hold h, unnest(h.seats) as seat
        where event_id = any(${events}) and state in ('held', 'confirmed') group by 1, 2, 3 having count(*) > 1) as twice) as twice,
      (select count(*) from inventory.stock where event_id = any(${events}) and free + held + sold + blocked <> capacity) as unbalanced,
      (select coalesce(sum(held + sold), 0) from inventory.stock where event_id = any(${events})) as taken,
      (select coalesce(sum(quantity), 0) from inventory.hold where event_id = any(${events}) and state in ('held', 'confirmed')) as owned,
      (select count(*) from inventory.seat_claim where event_id = any(${events})) as claims`;
  const { holds, ended, reservations, lost, twice, unbalanced, taken, owned, claims } = found!;
  const acknowledged = new Set(okIds).size;
  return [
    lost! > 0 && `${lost} acknowledged reservations are not in the database`,
    twice! > 0 && `${twice} seats have two owners`,
    unbalanced! > 0 && `${unbalanced} areas don't add up`,
    taken !== owned && `areas say ${taken} seats are taken, holds say ${owned}`,
    claims !== owned && `${claims} seats are claimed, holds say ${owned}`,
    acknowledged !== okIds.length && "an id was acknowledged twice",
    !holdsMayEnd && ended! > 0 && `${ended} holds have ended`,
    holds! < acknowledged && `${acknowledged} were acknowledged, ${holds} were held`,
    !paid &&
      holds! > acknowledged + unknown &&
      `${holds} were held, but only ${acknowledged} were acknowledged: a refusal holds seats`,
    reservations! > holds! && `${reservations} reservations of ${holds} holds`,
  ].filter((line): line is string => line !== false);
}

async function paymentDisagreements(
  sql: Sql,
  eventIds: readonly string[],
  { okIds, unknown }: Told,
): Promise<string[]> {
  const events = eventIds as string[];
  // 5 is `confirmed` of a reservation and `captured` of a payment.
  const [found] = await sql<Record<string, number>[]>`
    select
      (select count(*) from unnest(${okIds as string[]}::uuid[]) as id
        where not exists (
          select from reservation.reservation r
          join inventory.hold h on h.event_id = r.event_id and h.hold_id = r.reservation_id and h.state = 'confirmed'
          join payment.payment p on p.event_id = r.event_id and p.payment_id = r.payment_id and p.state = 5
          where r.event_id = any(${events}) and r.reservation_id = id and r.phase = 5
            and p.amount_minor = r.unit_price_minor * r.quantity)) as unpaid,
      (select count(*) from payment.payment where event_id = any(${events}) and state = 5) as captured,
      (select count(*) from (
        select reservation_id from payment.payment where event_id = any(${events}) and state = 5
        group by event_id, reservation_id having count(*) > 1) as twice) as twice,
      (select count(*) from (
        select payment_id from payment.ledger_entry where event_id = any(${events})
        group by event_id, payment_id, kind, currency_code having sum(amount_minor) <> 0) as unbalanced) as unbalanced,
      (select count(*) from payment.ledger_transaction where event_id = any(${events}) and kind = 'capture') as posted`;
  const { unpaid, captured, twice, unbalanced, posted } = found!;
  return [
    unpaid! > 0 && `${unpaid} acknowledged checkouts are not confirmed and captured`,
    twice! > 0 && `${twice} reservations were captured twice`,
    unbalanced! > 0 && `${unbalanced} ledger transactions don't balance`,
    posted !== captured && `${captured} payments were captured, the ledger has ${posted}`,
    captured! > okIds.length + unknown && `${captured} payments were captured, ${okIds.length} were acknowledged`,
  ].filter((line): line is string => line !== false);
}
