import { RefusalReason } from "#stubs";
import { assertNever } from "#shared/assert-never";
import type { Handler } from "#shared/grpc-server";
import { createRefusal } from "#shared/refusal";
import { errorFromRefusal } from "#shared/status";
import type { TicketService } from "#gen/boxoffice/reservation/v1/ticket";
import type { Door } from "../door.ts";
import { admissionMessage, rejectionMessage, ticketMessage } from "./ticket-message.ts";

/** Returns the handler of AdmitTicket. */
export function admitTicket({ door }: { door: Door }): Handler<(typeof TicketService)["method"]["admitTicket"]> {
  return async ({ eventId, code, deviceId, nonce, gate }) => {
    const result = await door.admit({ eventId: eventId.toLowerCase(), code }, { deviceId, nonce, gate });
    switch (result.kind) {
      case "admitted": {
        const { ticket, admission } = result;
        const value = { ticket: ticketMessage(ticket), admission: admissionMessage(admission) };
        return { outcome: { case: "admitted", value } };
      }
      case "rejected":
        return { outcome: { case: "rejection", value: rejectionMessage(result.rejection) } };
      case "nonceReused":
        throw errorFromRefusal(
          createRefusal(RefusalReason.IDEMPOTENCY_KEY_REUSED, "the scanner used this nonce for another ticket"),
        );
      default:
        return assertNever(result);
    }
  };
}
