import type { Sql, Transaction } from "#shared/sql";
import type { Admission } from "../domain/merge-scans.ts";

/** Most double admissions that are told of one ticket. */
export const doublesMax = 10;

/** An admission as it was written down. */
export type RecordedAdmission = Admission & {
  /** The scanner's time could not be true; null where that is not known, as of one that was let in online. */
  clockWrong: boolean | null;
};

/** What is told of a ticket's admissions. */
export type TicketAdmissions = {
  /** The first ones, as `mergeAdmissions` orders them, and whichever were asked for. */
  told: RecordedAdmission[];
  /** How many there are. */
  count: number;
};

/**
 * Returns the admissions of each of an event's tickets, by the tickets' ids: the one that counts, the first `doublesMax` of the
 * others, and those of `scans`, however many were made.
 */
export async function readAdmissions(
  sql: Sql | Transaction,
  { eventId, ticketIds }: { eventId: string; ticketIds: readonly string[] },
  scans: { deviceId: string; nonces: readonly string[] },
): Promise<Map<string, TicketAdmissions>> {
  const rows = await sql<(RecordedAdmission & { ticketId: string; count: number })[]>`
    select n.ticket_id as "ticketId", n.device_id as "deviceId", n.nonce, n.gate, n.admitted_at as "admittedAt",
      n.clock_wrong as "clockWrong", n.count
    from (
      select a.*, count(*) over (partition by a.ticket_id)::int as count,
        row_number() over (
          partition by a.ticket_id order by a.admitted_at, a.device_id collate "C", a.nonce collate "C"
        ) as position
      from reservation.admission a
      where a.event_id = ${eventId} and a.ticket_id = any(${ticketIds as string[]}::uuid[])
    ) as n
    where n.position <= ${1 + doublesMax}
      or (n.device_id = ${scans.deviceId} and n.nonce = any(${scans.nonces as string[]}::text[]))`;
  const admissions = new Map(ticketIds.map((id): [string, TicketAdmissions] => [id, { told: [], count: 0 }]));
  for (const { ticketId, count, ...admission } of rows) {
    const ofTicket = admissions.get(ticketId)!;
    ofTicket.told.push(admission);
    ofTicket.count = count;
  }
  return admissions;
}
