// Who is let in online. The ticket's row is locked first, so that of any number of gates one admits; a unique index says so too.

import type { Sql, Transaction } from "#shared/sql";
import { transact } from "#shared/transaction";
import { decideAdmission, type Rejection } from "../domain/admission.ts";
import type { Admission, ScanKey } from "../domain/merge-scans.ts";
import type { Ticket, TicketKey } from "../domain/ticket.ts";
import { lockTickets } from "./change-tickets.ts";
import { readAdmissions } from "./read-admissions.ts";
import { readTicket } from "./read-tickets.ts";

/** What a scan of a genuine code came to. */
export type AdmitOutcome =
  | { kind: "admitted"; ticket: Ticket; admission: Admission }
  | { kind: "rejected"; rejection: Rejection }
  | { kind: "nonceReused" };

/** What a look at a genuine code tells. */
export type VerifyOutcome = { kind: "good"; ticket: Ticket } | { kind: "rejected"; rejection: Rejection };

type GenuineCode = { epoch: number; isKeyRetired: boolean };
type TicketRecord = { ticket: Ticket | undefined; admissions: Admission[] };

// No scanner has this name: the protos want at least one character.
const nobody: ScanKey = { deviceId: "", nonce: "" };

/** Says whether the code would be let in now. */
export async function verifyTicket(sql: Sql, key: TicketKey, code: GenuineCode): Promise<VerifyOutcome> {
  const record = await readRecord(sql, key, nobody);
  const decision = decideAdmission(record, { ...code, scan: nobody });
  return decision.kind === "rejected" ? decision : { kind: "good", ticket: record.ticket! };
}

/** Lets the holder of a genuine code in, unless somebody was let in before or the code is void. */
export async function admitTicket(
  sql: Sql,
  key: TicketKey,
  { epoch, isKeyRetired }: GenuineCode,
  { gate, ...scan }: ScanKey & { gate: string },
): Promise<AdmitOutcome> {
  return await transact(sql, async (tx): Promise<AdmitOutcome> => {
    await lockTickets(tx, { eventId: key.eventId, ticketIds: [key.ticketId] });
    const record = await readRecord(tx, key, scan);
    const decision = decideAdmission(record, { epoch, isKeyRetired, scan });
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

async function readRecord(sql: Sql | Transaction, key: TicketKey, scan: ScanKey): Promise<TicketRecord> {
  const { eventId, ticketId } = key;
  const ticket = await readTicket(sql, key);
  const { deviceId, nonce } = scan;
  const admissions = await readAdmissions(sql, { eventId, ticketIds: [ticketId] }, { deviceId, nonces: [nonce] });
  return { ticket, admissions: admissions.get(ticketId)!.told };
}
