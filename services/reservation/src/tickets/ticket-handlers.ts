// Puts the tickets' part of the service together.

import type { Handlers } from "#shared/grpc-server";
import type { Sql } from "#shared/sql";
import type { TicketService } from "#stubs";
import { createDoor } from "./door.ts";
import { createKeyring } from "./keyring.ts";
import { admitTicket } from "./rpc/admit-ticket.ts";
import { getRevocations } from "./rpc/get-revocations.ts";
import { getTicketQr } from "./rpc/get-ticket-qr.ts";
import { getVerificationKeys } from "./rpc/get-verification-keys.ts";
import { listReservationTickets } from "./rpc/list-reservation-tickets.ts";
import { listTickets } from "./rpc/list-tickets.ts";
import { revokeTicket } from "./rpc/revoke-ticket.ts";
import { submitScans } from "./rpc/submit-scans.ts";
import { transferTicket } from "./rpc/transfer-ticket.ts";
import { verifyTicket } from "./rpc/verify-ticket.ts";

/** Returns the handlers of TicketService; codes are signed with the key of `secret`. */
export function createTicketHandlers({ sql, secret }: { sql: Sql; secret: string }): Handlers<typeof TicketService> {
  const keyring = createKeyring({ sql, secret });
  const door = createDoor({ sql, keyring });
  return {
    listTickets: listTickets({ sql }),
    getTicketQr: getTicketQr({ sql, keyring }),
    transferTicket: transferTicket({ sql }),
    verifyTicket: verifyTicket({ door }),
    admitTicket: admitTicket({ door }),
    submitScans: submitScans({ door }),
    listReservationTickets: listReservationTickets({ sql }),
    revokeTicket: revokeTicket({ sql }),
    getVerificationKeys: getVerificationKeys({ keyring }),
    getRevocations: getRevocations({ sql }),
  };
}
