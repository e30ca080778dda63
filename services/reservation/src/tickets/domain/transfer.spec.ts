import assert from "node:assert/strict";
import type { Ticket } from "./ticket.ts";
import { decideTransfer, transfersMax } from "./transfer.ts";

const ticketOf = (fields: Partial<Ticket> = {}): Ticket => ({
  ...{ eventId: "event", ticketId: "ticket", reservationId: "booking", place: 1, areaId: "stalls" },
  ...{ seatRow: null, seatNumber: null, customerId: "giver", previousCustomerId: null, epoch: 1 },
  ...{ epochAt: new Date(0), revokedAt: null, issuedAt: new Date(0), admittedAt: null },
  ...fields,
});
const transfer = { customerId: "giver", epoch: 1, receiverId: "receiver" };
const given = { customerId: "receiver", previousCustomerId: "giver", epoch: 2 };

describe("transferring a ticket", () => {
  const cases: [string, Partial<Ticket> | undefined, ReturnType<typeof decideTransfer>][] = [
    ["gives the owner's valid ticket", {}, { kind: "transfer" }],
    ["finds no ticket", undefined, { kind: "notFound" }],
    ["does not find another customer's", { customerId: "somebody" }, { kind: "notFound" }],
    ["finds itself done", given, { kind: "repeat" }],
    ["does not find what the receiver gave on", { ...given, customerId: "third", epoch: 3 }, { kind: "notFound" }],
    ["does not find what was revoked since", { ...given, revokedAt: new Date(1), epoch: 3 }, { kind: "notFound" }],
    ["refuses an admitted one", { admittedAt: new Date(1) }, { kind: "wrongState", state: "ADMITTED" }],
    ["refuses a revoked one", { revokedAt: new Date(1), epoch: 2 }, { kind: "wrongState", state: "REVOKED" }],
    ["refuses one that came back since", { epoch: 3 }, { kind: "wrongState", state: "TRANSFERRED" }],
  ];
  for (const [words, fields, expected] of cases) {
    it(words, () => assert.deepEqual(decideTransfer(fields && ticketOf(fields), transfer), expected));
  }

  it("ends after its maximum, long before a code has no room for the epoch", () => {
    const epoch = transfersMax + 1;
    assert.equal(decideTransfer(ticketOf({ epoch }), { ...transfer, epoch }).kind, "wrongState");
    assert.equal(
      decideTransfer(ticketOf({ epoch: transfersMax }), { ...transfer, epoch: transfersMax }).kind,
      "transfer",
    );
  });
});
