// What specs of tickets do again and again: buy, look, scan.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  AdmissionRefusal,
  QrFormat,
  ScanVerdict,
  type AdmitTicketResponse,
  type Ticket,
  type VerifyTicketResponse,
} from "#gen/boxoffice/reservation/v1/ticket";
import { customerId, newIds, pay, reserve, within, type Ids, type Replica } from "./world.ts";

/** Buys two seats; returns the booking and its tickets. */
export async function buyTickets(replica: Replica, ids = newIds()): Promise<{ ids: Ids; tickets: Ticket[] }> {
  await reserve(replica, ids);
  await pay(replica, ids);
  return { ids, tickets: await ticketsOf(replica, ids) };
}

/** Returns a customer's tickets of a booking. */
export async function ticketsOf({ tickets }: Replica, ids: Ids, customer = customerId): Promise<Ticket[]> {
  return (await tickets.listTickets({ ...ids, customerId: customer }, within)).tickets;
}

/** Returns what a customer's ticket says as a QR code. */
export async function codeOf(
  { tickets }: Replica,
  { eventId, ticketId }: Pick<Ticket, "eventId" | "ticketId">,
  customer = customerId,
): Promise<string> {
  const key = { eventId, ticketId, customerId: customer };
  const { outcome } = await tickets.getTicketQr({ key, format: QrFormat.SVG }, within);
  if (outcome.case !== "qr") throw new Error(`no code: ${outcome.value?.message}`);
  return outcome.value.code;
}

let scans = 0;

/** Scans a code at a door; a scan of its own unless the nonce is given. */
export async function admit(
  { tickets }: Replica,
  scan: { eventId: string; code: string; deviceId?: string; nonce?: string; gate?: string },
): Promise<AdmitTicketResponse> {
  const { deviceId = "scanner-1", nonce = `scan-${(scans += 1)}`, gate = "north" } = scan;
  return await tickets.admitTicket({ ...scan, deviceId, nonce, gate }, within);
}

/** `admitted`, or why not. */
export function wordOf({ outcome }: AdmitTicketResponse | VerifyTicketResponse): string {
  return outcome.case === "rejection" ? AdmissionRefusal[outcome.value.reason] : (outcome.case ?? "nothing");
}

/** Hands in one scanner's offline scans; `[code, nonce, epoch milliseconds]` each. Returns a verdict for each. */
export async function submit(
  { tickets }: Replica,
  { eventId, deviceId = "scanner-1" }: { eventId: string; deviceId?: string },
  offline: [code: string, nonce: string, scannedAtMs: number][],
) {
  const { results, doubles } = await tickets.submitScans(
    {
      eventId,
      deviceId,
      scans: offline.map(([code, nonce, ms]) => ({ code, nonce, gate: "south", scanTime: timestampFromMs(ms) })),
    },
    within,
  );
  return { results, doubles, verdicts: results.map(({ verdict }) => ScanVerdict[verdict]) };
}
