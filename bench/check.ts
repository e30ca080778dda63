// What a run is worth: nothing, unless the database agrees afterwards with what buyers were told.

import type { Sql } from "#shared/sql";

/** What buyers were told. */
export type Told = {
  heldIds: readonly string[];
  /** Requests whose outcome they don't know: 5xx and broken connections. */ unknown: number;
};

/** Returns what is wrong, in words; nothing when the run counts. */
export async function disagreements(sql: Sql, eventIds: readonly string[], told: Told): Promise<string[]> {
  const events = eventIds as string[];
  const [found] = await sql<Record<string, number>[]>`
    select
      (select count(*) from inventory.hold where event_id = any(${events}) and state = 'held') as holds,
      (select count(*) from reservation.reservation where event_id = any(${events})) as reservations,
      (select count(*) from unnest(${told.heldIds as string[]}::uuid[]) as id
        where not exists (select from inventory.hold h where h.event_id = any(${events}) and h.hold_id = id)
           or not exists (select from reservation.reservation r where r.event_id = any(${events}) and r.reservation_id = id)
      ) as lost,
      (select count(*) from (
        select event_id, area_id, seat from inventory.hold h, unnest(h.seats) as seat
        where event_id = any(${events}) and state in ('held', 'confirmed') group by 1, 2, 3 having count(*) > 1) as twice) as twice,
      (select count(*) from inventory.stock where event_id = any(${events}) and free + held + sold + blocked <> capacity) as unbalanced,
      (select coalesce(sum(held + sold), 0) from inventory.stock where event_id = any(${events})) as taken,
      (select coalesce(sum(quantity), 0) from inventory.hold where event_id = any(${events}) and state in ('held', 'confirmed')) as owned`;
  const { holds, reservations, lost, twice, unbalanced, taken, owned } = found!;
  const acknowledged = new Set(told.heldIds).size;
  return [
    lost! > 0 && `${lost} acknowledged reservations are not in the database`,
    twice! > 0 && `${twice} seats have two owners`,
    unbalanced! > 0 && `${unbalanced} areas don't add up`,
    taken !== owned && `areas say ${taken} seats are taken, holds say ${owned}`,
    acknowledged !== told.heldIds.length && "an id was acknowledged twice",
    holds! < acknowledged && `${acknowledged} were acknowledged, ${holds} are held`,
    holds! > acknowledged + told.unknown &&
      `${holds} are held, but only ${acknowledged} were acknowledged: a refusal holds seats`,
    reservations! > holds! && `${reservations} reservations of ${holds} holds`,
  ].filter((line): line is string => line !== false);
}
