// What has to hold of tickets and doors: who has which, and of each at most one admission, whatever is asked again.

import { ReservationState, type Reservation } from "#gen/boxoffice/edge/v1/reservation";
import { AdmissionRefusal, ScanVerdict, TicketState } from "#gen/boxoffice/edge/v1/ticket";
import type { EdgeUser } from "../support/edge.ts";
import { textOf, type Ask } from "./ask.ts";
import type { Booking } from "./booking.ts";
import { ticketsOf } from "./doors.ts";
import { seatsReturned } from "./part-refunds.ts";

/** Returns what is wrong with the tickets of a booking, which stands as `now` says. */
export async function brokenTickets(
  booking: Booking,
  now: Reservation,
  { ask, gate }: { ask: Ask; gate: EdgeUser },
): Promise<string[]> {
  const { given } = booking;
  const broken: string[] = [];
  const tickets = await ticketsOf(booking, ask);
  const live = tickets.filter(({ state }) => state === TicketState.VALID || state === TicketState.ADMITTED).length;
  const gone = (given ? 1 : 0) + seatsReturned(booking);
  const wanted = now.state === ReservationState.CONFIRMED ? now.quantity - gone : 0;
  if (live !== wanted) broken.push(`it has ${live} live tickets instead of ${wanted}`);
  if (given) {
    const { to, ticket, oldCode } = given;
    const theirs = (await ticketsOf(booking, ask, to)).find(({ ticketId }) => ticketId === ticket.ticketId);
    if (theirs?.epoch !== ticket.epoch) broken.push("a ticket that was given away is not its receiver's");
    const refusal = await refusalAt(gate, ask, { eventId: ticket.eventId, code: oldCode });
    if (refusal !== AdmissionRefusal.REVOKED) broken.push("a code from before a transfer is good still");
  }
  return [
    ...broken,
    ...(await brokenAdmission(booking, { ask, gate })),
    ...(await brokenHandIn(booking, { ask, gate })),
  ];
}

async function brokenAdmission({ admitted }: Booking, { ask, gate }: { ask: Ask; gate: EdgeUser }): Promise<string[]> {
  if (!admitted) return [];
  const broken: string[] = [];
  for (const { scan, answer } of admitted.scans) {
    const again = await ask((bounds) => gate.tickets.admitTicket(scan, bounds));
    if (textOf(again) !== textOf(answer)) broken.push(`a scan was ${textOf(answer)}, and is ${textOf(again)}`);
  }
  const { eventId = "", code = "" } = admitted.scans[0]!.scan;
  const refusal = await refusalAt(gate, ask, { eventId, code });
  if (refusal !== AdmissionRefusal.ALREADY_ADMITTED) broken.push("a ticket that was let in would be let in again");
  return broken;
}

// Whatever came in when, the gate that let somebody in first did so, and everybody else is a double admission.
async function brokenHandIn({ handedIn }: Booking, { ask, gate }: { ask: Ask; gate: EdgeUser }): Promise<string[]> {
  if (!handedIn) return [];
  const broken: string[] = [];
  const first = handedIn.requests.at(-1)!.deviceId;
  for (const request of handedIn.requests) {
    const { results, doubles } = await ask((bounds) => gate.tickets.submitScans(request, bounds));
    const wanted = request.deviceId === first ? ScanVerdict.FIRST : ScanVerdict.DOUBLE;
    if (results[0]?.verdict !== wanted) {
      broken.push(`the scan of ${request.deviceId} is not ${ScanVerdict[wanted]}: ${textOf(results)}`);
    }
    const [double] = doubles;
    const others = handedIn.requests.length - 1;
    if (doubles.length !== 1 || double!.first?.deviceId !== first || double!.others.length !== others) {
      broken.push(`${others} double admission after that of ${first} is told as ${textOf(doubles)}`);
    }
  }
  return broken;
}

async function refusalAt(
  gate: EdgeUser,
  ask: Ask,
  shown: { eventId: string; code: string },
): Promise<AdmissionRefusal | undefined> {
  const { outcome } = await ask((bounds) => gate.tickets.verifyTicket(shown, bounds));
  return outcome.case === "rejection" ? outcome.value.reason : undefined;
}
