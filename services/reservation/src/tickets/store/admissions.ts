// Who was let in. Online the ticket's row is locked first, so that of any number of gates one admits; a unique index says so
// too. Offline admissions are facts: they are written down beside each other, and merged when they are read.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { decideAdmission, wasGoodAt, type Rejection } from "../domain/admission.ts";
import type { Admission, ScanKey } from "../domain/merge-scans.ts";
import type { Ticket, TicketKey } from "../domain/ticket.ts";
import { lockTickets } from "./change-tickets.ts";
import { readTicket, readTickets } from "./read-tickets.ts";

/** What a scan of a genuine code came to. */
export type AdmitOutcome =
  | { kind: "admitted"; ticket: Ticket; admission: Admission }
  | { kind: "rejected"; rejection: Rejection }
  | { kind: "nonceReused" };

/** What a look at a genuine code tells. */
export type VerifyOutcome = { kind: "good"; ticket: Ticket } | { kind: "rejected"; rejection: Rejection };

/** A scan of a genuine code that a gate made while it was offline. */
export type GenuineScan = { ticketId: string; epoch: number; nonce: string; gate: string; scannedAt: Date };

type TicketRecord = { ticket: Ticket | undefined; admissions: Admission[] };
type AdmissionRow = Admission & { ticketId: string };

// No scanner has this name: the protos want at least one character.
const nobody: ScanKey = { deviceId: "", nonce: "" };

/** Says whether the code would be let in now. */
export async function verifyTicket(sql: Sql, key: TicketKey, { epoch }: { epoch: number }): Promise<VerifyOutcome> {
  const record = await readRecord(sql, key);
  const decision = decideAdmission(record, { epoch, scan: nobody });
  return decision.kind === "rejected" ? decision : { kind: "good", ticket: record.ticket! };
}

/** Lets the holder of a genuine code in, unless somebody was let in before or the code is void. */
export async function admitTicket(
  sql: Sql,
  key: TicketKey,
  { epoch, gate, ...scan }: ScanKey & { epoch: number; gate: string },
): Promise<AdmitOutcome> {
  return await transact(sql, async (tx): Promise<AdmitOutcome> => {
    await lockTickets(tx, { eventId: key.eventId, ticketIds: [key.ticketId] });
    const record = await readRecord(tx, key);
    const decision = decideAdmission(record, { epoch, scan });
    switch (decision.kind) {
      case "rejected":
        return decision;
      case "repeat":
        return { kind: "admitted", ticket: record.ticket!, admission: decision.admission };
      case "admit": {
        const [made] = await tx<{ admittedAt: Date }[]>`
          insert into reservation.admission (event_id, device_id, nonce, ticket_id, gate, admitted_at, offline)
          values
            (${key.eventId}, ${scan.deviceId}, ${scan.nonce}, ${key.ticketId}, ${gate}, clock_timestamp(), false)
          on conflict (event_id, device_id, nonce) do nothing
          returning admitted_at as "admittedAt"`;
        if (!made) return { kind: "nonceReused" };
        return { kind: "admitted", ticket: { ...record.ticket!, ...made }, admission: { ...scan, gate, ...made } };
      }
    }
  });
}

/**
 * Writes down which of these scans of one scanner were good when they were made; those that are known already stay as they
 * are. Returns which were good, in order, and all admissions of their tickets, by the tickets' ids.
 */
export async function recordScans(
  sql: Sql,
  { eventId, deviceId }: { eventId: string; deviceId: string },
  scans: readonly GenuineScan[],
): Promise<{ wasGood: boolean[]; admissions: Map<string, Admission[]> }> {
  const ticketIds = [...new Set(scans.map(({ ticketId }) => ticketId))];
  return await transact(sql, async (tx) => {
    await lockTickets(tx, { eventId, ticketIds });
    const tickets = new Map((await readTickets(tx, { eventId, ticketIds })).map((each) => [each.ticketId, each]));
    const wasGood = scans.map(({ ticketId, epoch, scannedAt }) => {
      const ticket = tickets.get(ticketId);
      return ticket !== undefined && wasGoodAt(ticket, { epoch, at: scannedAt });
    });
    const good = scans.filter((_, index) => wasGood[index]);
    if (good.length > 0) {
      await tx`
        insert into reservation.admission (event_id, device_id, nonce, ticket_id, gate, admitted_at, offline)
        select ${eventId}::uuid, ${deviceId}::text, s.nonce, s.ticket_id, s.gate, least(s.scanned_at, clock_timestamp()), true
        from unnest(
          ${good.map(({ nonce }) => nonce)}::text[],
          ${good.map(({ ticketId }) => ticketId)}::uuid[],
          ${good.map(({ gate }) => gate)}::text[],
          ${good.map(({ scannedAt }) => scannedAt.toISOString())}::timestamptz[])
          as s (nonce, ticket_id, gate, scanned_at)
        on conflict (event_id, device_id, nonce) do nothing`;
    }
    const admissions = new Map(ticketIds.map((id) => [id, [] as Admission[]]));
    for (const { ticketId, ...each } of await readAdmissions(tx, { eventId, ticketIds })) {
      admissions.get(ticketId)!.push(each);
    }
    return { wasGood, admissions };
  });
}

async function readRecord(sql: Sql | Transaction, key: TicketKey): Promise<TicketRecord> {
  const ticket = await readTicket(sql, key);
  const admissions = await readAdmissions(sql, { eventId: key.eventId, ticketIds: [key.ticketId] });
  return { ticket, admissions };
}

async function readAdmissions(
  sql: Sql | Transaction,
  { eventId, ticketIds }: { eventId: string; ticketIds: readonly string[] },
): Promise<AdmissionRow[]> {
  return await sql<AdmissionRow[]>`
    select a.ticket_id as "ticketId", a.device_id as "deviceId", a.nonce, a.gate, a.admitted_at as "admittedAt"
    from reservation.admission a
    where a.event_id = ${eventId} and a.ticket_id = any(${ticketIds as string[]}::uuid[])`;
}
