import assert from "node:assert/strict";
import fc from "fast-check";
import { decideAdmission, readCode } from "./admission.ts";
import type { Admission } from "./merge-scans.ts";
import { signTicket, type TicketPayload } from "./payload.ts";
import { deriveSigningKey, verifyingKeyFrom } from "./signing-key.ts";
import { ticketStateOf, type Ticket } from "./ticket.ts";

const key = deriveSigningKey("a secret of the spec, 32 or more letters");
const verifier = { publicKey: verifyingKeyFrom(key.publicKey), retiredAt: null, isRetired: false };
const eventId = "01890a5d-ac96-774b-bcce-b302099a8057";
const payload: TicketPayload = {
  ...{ keyId: key.keyId, eventId, ticketId: "0f1e2d3c-4b5a-4678-8796-a5b4c3d2e1f0", epoch: 1, areaId: "stalls" },
  seat: { row: "A", number: 1 },
};
const at = (ms: number) => new Date(1_800_000_000_000 + ms);
const ticketOf = (fields: Partial<Ticket> = {}): Ticket => ({
  ...{ eventId, ticketId: payload.ticketId, reservationId: "booking", place: 1, areaId: "stalls" },
  ...{ seatRow: "A", seatNumber: 1, customerId: "customer-1", epoch: 1, epochAt: at(0) },
  ...{ revokedAt: null, issuedAt: at(0), admittedAt: null },
  ...fields,
});

describe("what a code alone tells", () => {
  const keyOf = (keyId: string) => (keyId === key.keyId ? verifier : undefined);
  const reasonOf = (code: string, ofEvent = eventId) => {
    const read = readCode(code, { eventId: ofEvent, keyOf });
    return read.kind === "rejected" ? read.rejection.reason : read.kind;
  };

  it("is genuine when a known key signed it for this event", () => {
    const read = readCode(signTicket(payload, key.privateKey), { eventId, keyOf });
    assert.deepEqual(read, { kind: "genuine", payload, key: verifier });
  });

  it("is refused for its key, its signature, or its event", () => {
    const other = deriveSigningKey("another secret of 32 letters or more");
    const good = signTicket(payload, key.privateKey);
    assert.equal(reasonOf(signTicket({ ...payload, keyId: other.keyId }, other.privateKey)), "unknownKey");
    assert.equal(reasonOf(signTicket(payload, other.privateKey)), "badSignature");
    assert.equal(reasonOf(good, "01890a5d-ac96-774b-bcce-b302099a8058"), "wrongEvent");
    for (const code of ["", "?", "AAAA", good.slice(1), good.slice(0, -2)]) assert.notEqual(reasonOf(code), "genuine");
    assert.equal(reasonOf("not a code"), "badSignature");
  });
});

describe("who is let in", () => {
  const scan = { deviceId: "a", nonce: "1" };
  const decide = (ticket: Ticket | undefined, admissions: Admission[] = [], epoch = 1, isKeyRetired = false) =>
    decideAdmission({ ticket, admissions }, { epoch, isKeyRetired, scan });
  const revoked = { kind: "rejected", rejection: { reason: "revoked" } };

  it("is who comes first with the newest code of a ticket that is not revoked", () => {
    assert.deepEqual(decide(ticketOf()), { kind: "admit" });
    assert.deepEqual(decide(ticketOf({ epoch: 2 }), [], 2), { kind: "admit" });
    assert.deepEqual(decide(ticketOf({ epoch: 2 }), [], 1), revoked);
    assert.deepEqual(decide(ticketOf({ epoch: 1 }), [], 2), revoked);
    assert.deepEqual(decide(ticketOf({ revokedAt: at(5), epoch: 2 })), revoked);
    assert.deepEqual(decide(undefined), revoked);
    assert.deepEqual(decide(ticketOf(), [], 1, true), { kind: "rejected", rejection: { reason: "unknownKey" } });
  });

  it("is told the same again for the same scan, though the ticket was revoked since, or the key retired", () => {
    const admission = { ...scan, gate: "north", admittedAt: at(0) };
    assert.deepEqual(decide(ticketOf({ revokedAt: at(5), epoch: 2 }), [admission]), { kind: "repeat", admission });
    assert.deepEqual(decide(ticketOf(), [admission], 1, true), { kind: "repeat", admission });
  });

  it("is told when and where somebody was let in before", () => {
    const first = { deviceId: "b", nonce: "1", gate: "north", admittedAt: at(0) };
    const later = { deviceId: "c", nonce: "1", gate: "south", admittedAt: at(3) };
    assert.deepEqual(decide(ticketOf(), [later, first]), {
      kind: "rejected",
      rejection: { reason: "alreadyAdmitted", first },
    });
  });

  it("is one of any number of scans, and every repeat hears what the scan heard first", () => {
    const scans = fc.array(fc.record({ deviceId: fc.constantFrom("a", "b"), nonce: fc.constantFrom("1", "2", "3") }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(scans, (history) => {
        const admissions: Admission[] = [];
        const heard = new Map<string, boolean>();
        history.forEach((each, index) => {
          const decision = decideAdmission(
            { ticket: ticketOf(), admissions },
            { epoch: 1, isKeyRetired: false, scan: each },
          );
          if (decision.kind === "admit") admissions.push({ ...each, gate: "", admittedAt: at(index) });
          const name = `${each.deviceId}/${each.nonce}`;
          const isIn = decision.kind !== "rejected";
          assert.equal(heard.get(name) ?? isIn, isIn);
          heard.set(name, isIn);
        });
        assert.equal(admissions.length, Math.min(1, history.length));
      }),
    );
  });

  it("stands as valid, admitted or revoked", () => {
    assert.equal(ticketStateOf(ticketOf()), "VALID");
    assert.equal(ticketStateOf(ticketOf({ admittedAt: at(1) })), "ADMITTED");
    assert.equal(ticketStateOf(ticketOf({ admittedAt: at(1), revokedAt: at(2) })), "REVOKED");
  });
});
