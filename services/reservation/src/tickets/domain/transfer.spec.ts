import assert from "node:assert/strict";
import type { Ticket } from "./ticket.ts";
import { decideTransfer, ticketAfter, transfersMax } from "./transfer.ts";

const ticketOf = (fields: Partial<Ticket> = {}): Ticket => ({
  ...{ eventId: "event", ticketId: "ticket", reservationId: "booking", place: 1, areaId: "stalls" },
  ...{ seatRow: null, seatNumber: null, customerId: "giver", epoch: 1 },
  ...{ epochAt: new Date(0), revokedAt: null, issuedAt: new Date(0), admittedAt: null },
  ...fields,
});
const transfer = { customerId: "giver", epoch: 1, receiverId: "receiver" };
const given = { customerId: "receiver", epoch: 2 };

describe("transferring a ticket", () => {
  const cases: [string, Partial<Ticket> | undefined, ReturnType<typeof decideTransfer>][] = [
    ["gives the owner's valid ticket", {}, { kind: "transfer" }],
    ["finds no ticket", undefined, { kind: "notFound" }],
    ["does not find another customer's", { customerId: "somebody" }, { kind: "notFound" }],
    ["refuses an admitted one", { admittedAt: new Date(1) }, { kind: "wrongState", state: "ADMITTED" }],
    ["refuses a revoked one", { revokedAt: new Date(1), epoch: 2 }, { kind: "wrongState", state: "REVOKED" }],
    ["refuses one that came back since", { epoch: 3 }, { kind: "wrongState", state: "TRANSFERRED" }],
  ];
  for (const [words, fields, expected] of cases) {
    it(words, () => {
      assert.deepEqual(decideTransfer({ ticket: fields && ticketOf(fields), made: undefined }, transfer), expected);
    });
  }

  const since: [string, Partial<Ticket>][] = [
    ["nothing", {}],
    ["the receiver gave it on", { customerId: "third", epoch: 3 }],
    ["it came back", { customerId: "giver", epoch: 3 }],
    ["it was revoked", { revokedAt: new Date(1), epoch: 3 }],
    ["its holder was let in", { admittedAt: new Date(1) }],
  ];
  for (const [words, fields] of since) {
    it(`finds itself done, and the ticket as it was then, though since then happened: ${words}`, () => {
      const ticket = ticketOf({ ...given, ...fields });
      assert.deepEqual(decideTransfer({ ticket, made: transfer }, transfer), { kind: "repeat" });
      const { customerId, epoch, revokedAt, admittedAt } = ticketAfter(transfer, ticket);
      assert.deepEqual([customerId, epoch, revokedAt, admittedAt], ["receiver", 2, null, null]);
    });
  }

  it("tells nobody of the transfer who did not ask for it", () => {
    const ticket = ticketOf(given);
    for (const other of [
      { ...transfer, customerId: "thief" },
      { ...transfer, receiverId: "thief" },
    ]) {
      assert.deepEqual(decideTransfer({ ticket, made: transfer }, other), { kind: "notFound" });
    }
  });

  it("ends after its maximum, long before a code has no room for the epoch", () => {
    const epoch = transfersMax + 1;
    const decide = (each: number) =>
      decideTransfer({ ticket: ticketOf({ epoch: each }), made: undefined }, { ...transfer, epoch: each }).kind;
    assert.deepEqual([decide(epoch), decide(transfersMax)], ["wrongState", "transfer"]);
  });
});
