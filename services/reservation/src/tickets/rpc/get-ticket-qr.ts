import { RefusalReason } from "#stubs";
import type { Handler } from "#shared/grpc-server";
import { createRefusal } from "#shared/refusal";
import type { Sql } from "#shared/sql";
import { QrFormat, type TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import type { Keyring } from "../keyring.ts";
import { drawPng, drawSvg } from "../qr.ts";
import { readTicket } from "../store/read-tickets.ts";
import { noSuchTicket, ticketKeyFrom, ticketMessage, wrongTicketState } from "./ticket-message.ts";

/** Milliseconds after which another replica is likely to be asked. */
const retryAfterMs = 1_000;

/** Returns the handler of GetTicketQr. */
export function getTicketQr({
  sql,
  keyring,
}: {
  sql: Sql;
  keyring: Keyring;
}): Handler<(typeof TicketService)["method"]["getTicketQr"]> {
  return async (request) => {
    const { customerId, ...key } = ticketKeyFrom(request.key);
    const ticket = await readTicket(sql, key);
    if (ticket?.customerId !== customerId) return { outcome: { case: "refusal", value: noSuchTicket() } };
    if (ticket.revokedAt) return { outcome: { case: "refusal", value: wrongTicketState("REVOKED") } };
    const { eventId, ticketId, epoch, areaId, seatRow, seatNumber } = ticket;
    const seat = seatRow !== null && seatNumber !== null ? { row: seatRow, number: seatNumber } : undefined;
    const code = await keyring.sign({ eventId, ticketId, epoch, areaId, seat });
    // Another replica may have the next secret already; until then a code would be one that no door takes.
    if (code === undefined) return { outcome: { case: "refusal", value: keyRetired() } };
    const image =
      request.format === QrFormat.PNG
        ? { case: "png" as const, value: await drawPng(code) }
        : { case: "svg" as const, value: await drawSvg(code) };
    return { outcome: { case: "qr", value: { ticket: ticketMessage(ticket), code, image } } };
  };
}

function keyRetired() {
  return createRefusal(RefusalReason.IN_PROGRESS, "the key that signs tickets was retired: ask again", {
    retryAfterMs,
  });
}
