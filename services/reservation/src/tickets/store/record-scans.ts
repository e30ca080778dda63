// Takes in what gates let in while they were offline: facts, which are written down beside each other, and merged when they
// are read.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { epochOf, standingOf, type ScanStanding } from "../domain/epoch.ts";
import { lockTickets } from "./change-tickets.ts";
import { readAdmissions, type TicketAdmissions } from "./read-admissions.ts";
import { readTickets } from "./read-tickets.ts";

/** A scan of a genuine code that a gate made while it was offline. */
export type GenuineScan = {
  ticketId: string;
  epoch: number;
  /** From when on the codes of its key are refused; null where no such time is set. */
  keyRetiredAt: Date | null;
  nonce: string;
  gate: string;
  scannedAt: Date;
};

type Gate = { eventId: string; deviceId: string };

/**
 * Writes down which of these scans of one scanner were good when they were made; those that are known already stay as they
 * are. Returns what each is worth, in order, and the admissions of their tickets, by the tickets' ids.
 *
 * Locks are taken in one order, so that hand-ins never wait in a circle: the tickets by their ids, then the scans' keys by nonce.
 */
export async function recordScans(
  sql: Sql,
  gate: Gate,
  scans: readonly GenuineScan[],
): Promise<{ standings: ScanStanding[]; admissions: Map<string, TicketAdmissions> }> {
  const { eventId, deviceId } = gate;
  const ticketIds = [...new Set(scans.map(({ ticketId }) => ticketId))];
  return await transact(sql, async (tx) => {
    await lockTickets(tx, { eventId, ticketIds });
    const standings = await readStandings(tx, gate, scans);
    const good = scans.flatMap((scan, index) => {
      const { flaw, ...standing } = standings[index]!;
      return flaw ? [] : [{ ...scan, ...standing }];
    });
    await insertAdmissions(tx, gate, good);
    const nonces = scans.map(({ nonce }) => nonce);
    return { standings, admissions: await readAdmissions(tx, { eventId, ticketIds }, { deviceId, nonces }) };
  });
}

async function readStandings(
  tx: Transaction,
  { eventId }: Gate,
  scans: readonly GenuineScan[],
): Promise<ScanStanding[]> {
  const ticketIds = scans.map(({ ticketId }) => ticketId);
  const tickets = new Map((await readTickets(tx, { eventId, ticketIds })).map((each) => [each.ticketId, each]));
  const transfers = await tx<{ ticketId: string; epoch: number; transferredAt: Date | null }[]>`
    select f.ticket_id as "ticketId", f.epoch, f.transferred_at as "transferredAt"
    from unnest(${ticketIds}::uuid[], ${scans.map(({ epoch }) => epoch)}::int[]) as s (ticket_id, epoch)
    join reservation.transfer f
      on f.event_id = ${eventId} and f.ticket_id = s.ticket_id and f.epoch in (s.epoch - 1, s.epoch)`;
  const times = new Map(transfers.map(({ ticketId, epoch, transferredAt }) => [`${ticketId} ${epoch}`, transferredAt]));
  const [clock] = await tx<{ now: Date }[]>`select clock_timestamp() as now`;
  return scans.map(({ ticketId, epoch, keyRetiredAt, scannedAt }) => {
    const ticket = tickets.get(ticketId);
    const lasted = ticket && epochOf(ticket, epoch, (ended) => times.get(`${ticketId} ${ended}`) ?? undefined);
    return standingOf(scannedAt, { epoch: lasted, keyRetiredAt, now: clock!.now });
  });
}

async function insertAdmissions(
  tx: Transaction,
  { eventId, deviceId }: Gate,
  scans: readonly (GenuineScan & Omit<ScanStanding, "flaw">)[],
): Promise<void> {
  if (scans.length === 0) return;
  await tx`
    insert into reservation.admission (event_id, device_id, nonce, ticket_id, gate, admitted_at, offline,
      clock_wrong)
    select ${eventId}::uuid, ${deviceId}::text, s.nonce, s.ticket_id, s.gate, s.at, true, s.clock_wrong = 1
    from unnest(
      ${scans.map(({ nonce }) => nonce)}::text[],
      ${scans.map(({ ticketId }) => ticketId)}::uuid[],
      ${scans.map(({ gate }) => gate)}::text[],
      ${scans.map(({ at }) => at.toISOString())}::timestamptz[],
      ${scans.map(({ clockWrong }) => (clockWrong ? 1 : 0))}::int[])
      with ordinality as s (nonce, ticket_id, gate, at, clock_wrong, position)
    order by s.nonce collate "C", s.position
    on conflict (event_id, device_id, nonce) do nothing`;
}
