// The promises that inventory can see, each asked of the whole truth in one snapshot. The checks are written apart from
// the code that keeps the promises: they trust rows only.

import type { PendingQuery, Row } from "postgres";
import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";

/** How one promise stands. */
export type InvariantReport = {
  /** Number of the promise in docs/architecture.md. */
  promise: number;
  name: string;
  description: string;
  violations: number;
  examined: number;
  /** Up to ten. */
  examples: string[];
};

type Fragment = PendingQuery<Row[]>;
type Check = Pick<InvariantReport, "promise" | "name" | "description"> & {
  /** A query of one text column, one row a violation. */
  violations: (sql: Transaction, scope: Scope) => Fragment;
  /** A query of one number: how many things were looked at. */
  examined: (sql: Transaction, scope: Scope) => Fragment;
};
/** Narrows a table to the event that was asked about. */
type Scope = (alias: string) => Fragment;

const expiryGraceSeconds = 5;

// Live holds seat by seat, and marked seats area by area, as fragments that several checks start from.
const liveSeats = (sql: Transaction, scope: Scope) => sql`
  select h.event_id, h.area_id, h.hold_id, h.state::text as state, seat
  from inventory.hold h, unnest(h.seats) as seat
  where h.state in ('held', 'confirmed') and ${scope("h")}`;
const mapSeats = (sql: Transaction, scope: Scope) => sql`
  select s.event_id, s.area_id, seat,
    (array['free', 'held', 'sold', 'blocked'])[1 + ((get_byte(s.seat_map, seat / 4) >> (2 * (seat % 4))) & 3)] as mark
  from inventory.stock s, generate_series(0, s.capacity - 1) as seat
  where length(s.seat_map) > 0 and ${scope("s")}`;
// Nothing is known of what an area's holds gave back before migration 0006; one that was refunded as a whole shows it, and is
// known by its end, which nobody wrote before 0005; the two are of one release.
const isKept = (sql: Transaction, eventId: Fragment, areaId: Fragment) => sql`
  not exists (
    select from inventory.hold h
    where h.event_id = ${eventId} and h.area_id = ${areaId} and h.state = 'refunded' and h.ended_at is null and not exists (
      select from inventory.hold_return r where r.event_id = h.event_id and r.hold_id = h.hold_id))`;
const countOfStock = (sql: Transaction, scope: Scope) =>
  sql`select count(*) from inventory.stock s where ${scope("s")}`;

const checks: Check[] = [
  {
    promise: 1,
    name: "inventory.counts_add_up",
    description: "areas whose free, held, sold and blocked places do not make their capacity, or not their seat map",
    violations: (sql, scope) => sql`
      select s.event_id || '/' || s.area_id
      from inventory.stock s
      left join (
        select event_id, area_id,
          count(*) filter (where mark = 'free') as free, count(*) filter (where mark = 'held') as held,
          count(*) filter (where mark = 'sold') as sold, count(*) filter (where mark = 'blocked') as blocked
        from (${mapSeats(sql, scope)}) as seats
        group by event_id, area_id
      ) as m on m.event_id = s.event_id and m.area_id = s.area_id
      where ${scope("s")} and (
        s.free + s.held + s.sold + s.blocked <> s.capacity or least(s.free, s.held, s.sold, s.blocked) < 0
        or (m.event_id is not null and (m.free, m.held, m.sold, m.blocked) <> (s.free, s.held, s.sold, s.blocked)))`,
    examined: countOfStock,
  },
  {
    promise: 1,
    name: "inventory.counts_match_holds",
    description: "areas whose held or sold places are not those of their holds",
    violations: (sql, scope) => sql`
      select s.event_id || '/' || s.area_id
      from inventory.stock s
      left join (
        select h.event_id, h.area_id,
          sum(h.quantity) filter (where h.state = 'held') as held,
          sum(h.quantity) filter (where h.state = 'confirmed') as sold
        from inventory.hold h
        where h.state in ('held', 'confirmed') and ${scope("h")}
        group by h.event_id, h.area_id
      ) as h on h.event_id = s.event_id and h.area_id = s.area_id
      where ${scope("s")} and (s.held, s.sold) <> (coalesce(h.held, 0), coalesce(h.sold, 0))`,
    examined: countOfStock,
  },
  {
    promise: 1,
    name: "inventory.blocked_places_came_from_refunds",
    description:
      "areas whose blocked places, and seats that are blocked, are not those which refunds kept from sale; but for areas with a " +
      "refund from before it was kept what came back",
    violations: (sql, scope) => sql`
      select s.event_id || '/' || s.area_id
      from inventory.stock s
      left join (
        select h.event_id, h.area_id, sum(r.quantity) as quantity
        from inventory.hold_return r
        join inventory.hold h on h.event_id = r.event_id and h.hold_id = r.hold_id
        where r.blocked and ${scope("r")}
        group by h.event_id, h.area_id
      ) as kept on kept.event_id = s.event_id and kept.area_id = s.area_id
      where ${scope("s")} and s.blocked <> coalesce(kept.quantity, 0) and ${isKept(sql, sql`s.event_id`, sql`s.area_id`)}
      union all
      select coalesce(m.event_id, kept.event_id) || '/' || coalesce(m.area_id, kept.area_id) || '/'
        || coalesce(m.seat, kept.seat)
      from (select * from (${mapSeats(sql, scope)}) as seats where mark = 'blocked') as m
      full join (
        select h.event_id, h.area_id, seat
        from inventory.hold_return r
        join inventory.hold h on h.event_id = r.event_id and h.hold_id = r.hold_id, unnest(r.seats) as seat
        where r.blocked and ${scope("r")}
      ) as kept on kept.event_id = m.event_id and kept.area_id = m.area_id and kept.seat = m.seat
      where (m.seat is null or kept.seat is null)
        and ${isKept(sql, sql`coalesce(m.event_id, kept.event_id)`, sql`coalesce(m.area_id, kept.area_id)`)}`,
    examined: countOfStock,
  },
  {
    promise: 2,
    name: "inventory.one_owner_per_seat",
    description: "seats with more than one live hold",
    violations: (sql, scope) => sql`
      select event_id || '/' || area_id || '/' || seat
      from (${liveSeats(sql, scope)}) as live
      group by event_id, area_id, seat
      having count(*) > 1`,
    examined: (sql, scope) => sql`select count(*) from (${liveSeats(sql, scope)}) as live`,
  },
  {
    promise: 2,
    name: "inventory.live_seats_are_claimed",
    description: "seats of live holds without a claim by that hold",
    violations: (sql, scope) => sql`
      select live.event_id || '/' || live.area_id || '/' || live.seat
      from (${liveSeats(sql, scope)}) as live
      left join inventory.seat_claim c
        on c.event_id = live.event_id and c.area_id = live.area_id and c.seat = live.seat and c.hold_id = live.hold_id
      where c.hold_id is null`,
    examined: (sql, scope) => sql`select count(*) from (${liveSeats(sql, scope)}) as live`,
  },
  {
    promise: 4,
    name: "inventory.lapsed_holds_are_swept",
    description: `holds that lapsed more than ${expiryGraceSeconds} seconds ago and still keep their seats`,
    violations: (sql, scope) => sql`
      select h.event_id || '/' || h.hold_id
      from inventory.hold h
      where h.state = 'held' and h.expires_at < now() - make_interval(secs => ${expiryGraceSeconds}) and ${scope("h")}`,
    examined: (sql, scope) => sql`select count(*) from inventory.hold h where h.state = 'held' and ${scope("h")}`,
  },
  {
    promise: 8,
    name: "inventory.claims_have_holds",
    description: "claimed seats without any hold that names them",
    violations: (sql, scope) => sql`
      select c.event_id || '/' || c.area_id || '/' || c.seat
      from inventory.seat_claim c
      left join inventory.hold h on h.event_id = c.event_id and h.hold_id = c.hold_id
      where ${scope("c")} and (h.hold_id is null or h.area_id <> c.area_id or not c.seat = any(h.seats))`,
    examined: (sql, scope) => sql`select count(*) from inventory.seat_claim c where ${scope("c")}`,
  },
  {
    promise: 9,
    name: "inventory.customers_within_limit",
    description: "customers who hold and own more seats of an event than it allows",
    // By the clock and not by now(): a hold that lapsed since the transaction began may have a successor in the snapshot.
    violations: (sql, scope) => sql`
      select h.event_id || '/' || h.customer_id
      from inventory.hold h
      join inventory.event e on e.event_id = h.event_id
      where e.customer_limit > 0 and ${scope("h")}
        and (h.state = 'confirmed' or (h.state = 'held' and h.expires_at > clock_timestamp()))
      group by h.event_id, h.customer_id, e.customer_limit
      having sum(h.quantity) > e.customer_limit`,
    examined: (sql, scope) => sql`
      select count(distinct (h.event_id, h.customer_id))
      from inventory.hold h
      join inventory.event e on e.event_id = h.event_id
      where e.customer_limit > 0 and h.state in ('held', 'confirmed') and ${scope("h")}`,
  },
  {
    promise: 10,
    name: "inventory.ended_holds_own_nothing",
    description: "claims by holds that were released, lapsed or were refunded",
    violations: (sql, scope) => sql`
      select c.event_id || '/' || c.area_id || '/' || c.seat
      from inventory.seat_claim c
      join inventory.hold h on h.event_id = c.event_id and h.hold_id = c.hold_id
      where ${scope("c")} and h.state not in ('held', 'confirmed')`,
    examined: (sql, scope) => sql`select count(*) from inventory.seat_claim c where ${scope("c")}`,
  },
  {
    promise: 10,
    name: "inventory.states_move_forward",
    description: "holds that stand in a state which they had left before",
    violations: (sql, scope) => sql`
      select h.event_id || '/' || h.hold_id
      from inventory.hold h
      where ${scope("h")} and (
        (h.state in ('held', 'confirmed') and h.ended_at is not null)
        or (h.state in ('held', 'released', 'expired') and h.confirmed_at is not null))`,
    examined: (sql, scope) => sql`select count(*) from inventory.hold h where ${scope("h")}`,
  },
  {
    promise: 10,
    name: "inventory.seat_map_matches_holds",
    description: "seats that their area marks otherwise than their hold stands",
    violations: (sql, scope) => sql`
      select coalesce(m.event_id, live.event_id) || '/' || coalesce(m.area_id, live.area_id) || '/'
        || coalesce(m.seat, live.seat)
      from (${mapSeats(sql, scope)}) as m
      full join (${liveSeats(sql, scope)}) as live
        on live.event_id = m.event_id and live.area_id = m.area_id and live.seat = m.seat
      where case live.state when 'held' then 'held' when 'confirmed' then 'sold' else 'free' end
        <> case m.mark when 'blocked' then 'free' else coalesce(m.mark, 'none') end`,
    examined: (sql, scope) => sql`select count(*) from (${mapSeats(sql, scope)}) as m`,
  },
];

/** Returns a report of every check, over one event or over everything, from one snapshot; `sql` must give it the time. */
export async function checkInvariants(sql: Sql, eventId: string | undefined): Promise<InvariantReport[]> {
  return await transact(
    sql,
    async (tx) => {
      const scope: Scope = (alias) => (eventId ? tx`${tx(alias)}.event_id = ${eventId}` : tx`true`);
      const reports: InvariantReport[] = [];
      for (const { violations, examined, ...check } of checks) {
        const [row] = await tx<Pick<InvariantReport, "violations" | "examined" | "examples">[]>`
        with violating (example) as materialized (${violations(tx, scope)})
        select
          (select count(*) from violating) as violations,
          (${examined(tx, scope)}) as examined,
          array(select example from violating order by example limit 10) as examples`;
        reports.push({ ...check, ...row! });
      }
      return reports;
    },
    "isolation level repeatable read read only",
  );
}
