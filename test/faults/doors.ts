// Tickets after they are bought: given away, shown at a door, let in by gates that can't ask.

import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ScanVerdict, type Ticket } from "#gen/boxoffice/edge/v1/ticket";
import type { EdgeUser } from "../support/edge.ts";
import type { Ask } from "./ask.ts";
import type { Booking, HandIn } from "./booking.ts";

const scanners = ["scanner-1", "scanner-2"];
// Who hands in first came second. Nobody comes before there is a ticket.
const offlineGates = [
  { deviceId: "south", afterIssueMs: 4 },
  { deviceId: "north", afterIssueMs: 2 },
];

/** Returns the buyer's tickets of a confirmed booking. */
export async function ticketsOf({ buyer, wish }: Booking, ask: Ask, who: EdgeUser = buyer): Promise<Ticket[]> {
  const { reservationId } = wish;
  const { tickets } = await ask((bounds) => who.tickets.listTickets({ reservationId }, bounds));
  return tickets;
}

/** Gives the booking's first ticket to `to`. */
export async function transfer(booking: Booking, ask: Ask, to: EdgeUser): Promise<void> {
  const { buyer, wish } = booking;
  const { ticketId, epoch } = await ticketAt(booking, ask, 1);
  const oldCode = await codeOf(booking, ask, { ticketId, holder: buyer });
  const request = { eventId: wish.eventId, ticketId, epoch, receiverId: to.customerId };
  const { ticket } = await ask((bounds) => buyer.tickets.transferTicket(request, bounds));
  booking.given = { to, ticket: ticket!, oldCode };
}

/** Shows the booking's first ticket, or the one that was given away, to two of `gate`'s scanners at once. */
export async function admit(booking: Booking, ask: Ask, gate: EdgeUser): Promise<void> {
  const { buyer, wish, given } = booking;
  const { ticketId } = given?.ticket ?? (await ticketAt(booking, ask, 1));
  const code = await codeOf(booking, ask, { ticketId, holder: given?.to ?? buyer });
  const scans = await Promise.all(
    scanners.map(async (deviceId) => {
      const scan = { eventId: wish.eventId, code, deviceId, nonce: ticketId, gate: "north" };
      return { scan, answer: await ask((bounds) => gate.tickets.admitTicket(scan, bounds)) };
    }),
  );
  const times = scans.filter(({ answer }) => answer.outcome.case === "admitted").length;
  if (times !== 1) throw new Error(`a good ticket was let in ${times} times: ${ticketId}`);
  booking.admitted = { scans };
}

/** Has two gates, which let in the booking's second ticket while they were offline, hand that in. */
export async function handIn(booking: Booking, ask: Ask, gate: EdgeUser): Promise<void> {
  const { buyer, wish } = booking;
  const { ticketId, issueTime } = await ticketAt(booking, ask, 2);
  const code = await codeOf(booking, ask, { ticketId, holder: buyer });
  const requests: HandIn[] = [];
  for (const { deviceId, afterIssueMs } of offlineGates) {
    const scanTime = timestampFromMs(timestampMs(issueTime!) + afterIssueMs);
    const scan = { code, nonce: ticketId, gate: deviceId, scanTime };
    const request = { eventId: wish.eventId, deviceId, scans: [scan] };
    const { results } = await ask((bounds) => gate.tickets.submitScans(request, bounds));
    // Nobody who handed in before came earlier.
    if (results[0]?.verdict !== ScanVerdict.FIRST) throw new Error(`a scan was not the first: ${ticketId}`);
    requests.push(request);
  }
  booking.handedIn = { ticketId, requests };
}

async function ticketAt(booking: Booking, ask: Ask, place: number): Promise<Ticket> {
  const found = (await ticketsOf(booking, ask)).find((ticket) => ticket.place === place);
  if (!found) throw new Error(`a confirmed booking has no ticket ${place}: ${booking.wish.reservationId}`);
  return found;
}

async function codeOf(
  { wish }: Booking,
  ask: Ask,
  { ticketId, holder }: { ticketId: string; holder: EdgeUser },
): Promise<string> {
  const { eventId } = wish;
  return (await ask((bounds) => holder.tickets.getTicketQr({ eventId, ticketId }, bounds))).code;
}
