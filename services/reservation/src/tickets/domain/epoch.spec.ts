import assert from "node:assert/strict";
import { epochOf, standingOf } from "./epoch.ts";

const at = (ms: number) => new Date(1_800_000_000_000 + ms);
const now = at(1_000);
// Issued at 0, given on at 100 and at 200.
const ticket = { epoch: 3, issuedAt: at(0), epochAt: at(200), revokedAt: null };
const transfers = new Map([
  [1, at(100)],
  [2, at(200)],
]);
const transferredAt = (epoch: number) => transfers.get(epoch);

describe("an epoch of a ticket", () => {
  it("lasts from its transfer, the first from the issue, until the next transfer", () => {
    assert.deepEqual(
      [1, 2, 3].map((epoch) => epochOf(ticket, epoch, transferredAt)),
      [
        { from: at(0), until: at(100) },
        { from: at(100), until: at(200) },
        { from: at(200), until: null },
      ],
    );
  });

  it("has none before the first, after the present one, or where the ticket was revoked", () => {
    assert.deepEqual(
      [0, 4].map((epoch) => epochOf(ticket, epoch, transferredAt)),
      [undefined, undefined],
    );
    const revoked = { ...ticket, epoch: 4, epochAt: at(300), revokedAt: at(300) };
    assert.equal(epochOf(revoked, 4, transferredAt), undefined);
    assert.deepEqual(epochOf(revoked, 3, transferredAt), { from: at(200), until: at(300) });
  });

  it("is unknown where its transfers are, but for the one before the present", () => {
    const unknown = () => undefined;
    assert.deepEqual(
      [1, 2, 3].map((epoch) => epochOf(ticket, epoch, unknown)),
      [undefined, { from: undefined, until: at(200) }, { from: at(200), until: null }],
    );
  });
});

describe("a scan that was made offline", () => {
  const standing = (ms: number, epoch: number, keyRetiredAt: Date | null = null) =>
    standingOf(at(ms), { epoch: epochOf(ticket, epoch, transferredAt), keyRetiredAt, now });

  it("counts by its scanner's time, and was good as long as the epoch of its code lasted", () => {
    assert.deepEqual(standing(0, 1), { at: at(0), clockWrong: false, flaw: undefined });
    assert.deepEqual(standing(99, 1), { at: at(99), clockWrong: false, flaw: undefined });
    assert.deepEqual(standing(100, 1), { at: at(100), clockWrong: false, flaw: "revoked" });
    assert.deepEqual(standing(1_000, 3), { at: at(1_000), clockWrong: false, flaw: undefined });
    assert.deepEqual(standing(500, 4), { at: at(500), clockWrong: false, flaw: "revoked" });
  });

  it("counts as made now where that time is still to come, or before its code could have been made", () => {
    assert.deepEqual(standing(1_001, 3), { at: now, clockWrong: true, flaw: undefined });
    assert.deepEqual(standing(199, 3), { at: now, clockWrong: true, flaw: undefined });
    assert.deepEqual(standing(-1, 1), { at: now, clockWrong: true, flaw: "revoked" });
  });

  it("was good until its key was retired, by the time by which it counts", () => {
    assert.deepEqual(standing(299, 3, at(300)), { at: at(299), clockWrong: false, flaw: undefined });
    assert.deepEqual(standing(300, 3, at(300)), { at: at(300), clockWrong: false, flaw: "unknownKey" });
    assert.deepEqual(standing(100, 1, at(100)), { at: at(100), clockWrong: false, flaw: "unknownKey" });
    assert.deepEqual(standing(199, 3, at(300)), { at: now, clockWrong: true, flaw: "unknownKey" });
    assert.deepEqual(standing(199, 3, at(1_001)), { at: now, clockWrong: true, flaw: undefined });
  });
});
