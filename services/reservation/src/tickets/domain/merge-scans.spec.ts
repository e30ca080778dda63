import assert from "node:assert/strict";
import fc from "fast-check";
import { firstOf, isSameScan, mergeAdmissions, type Admission } from "./merge-scans.ts";
import { scanResultOf } from "./scan-result.ts";

// Few devices and times, so that many of them collide.
const admission: fc.Arbitrary<Admission> = fc.record(
  {
    deviceId: fc.constantFrom("a", "b", "c"),
    nonce: fc.constantFrom("1", "2", "3", "4"),
    gate: fc.constantFrom("north", "south"),
    admittedAt: fc.integer({ min: 0, max: 3 }).map((ms) => new Date(ms)),
  },
  { noNullPrototype: true },
);
const admissions = fc.uniqueArray(admission, { selector: ({ deviceId, nonce }) => `${deviceId}/${nonce}` });
const inTwoOrders = admissions.chain((all) =>
  fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
);

describe("merging the scans of gates", () => {
  it("comes to the same truth in whatever order they are handed in", () => {
    fc.assert(
      fc.property(inTwoOrders, ([all, shuffled]) => assert.deepEqual(mergeAdmissions(shuffled), mergeAdmissions(all))),
    );
  });

  it("takes the first by time, then by scanner, and keeps every other one", () => {
    fc.assert(
      fc.property(admissions, (all) => {
        const merged = mergeAdmissions(all);
        if (!merged) return assert.equal(all.length, 0);
        const { first, others } = merged;
        assert.equal(others.length, all.length - 1);
        assert.deepEqual(new Set([first, ...others]), new Set(all));
        for (const other of others) {
          const [left, right] = [first, other].map(({ admittedAt }) => admittedAt.getTime());
          assert.ok(left! < right! || (left === right && first.deviceId <= other.deviceId));
        }
      }),
    );
  });

  it("never makes a later hand-in the first over an earlier admission", () => {
    fc.assert(
      fc.property(admissions, admission, (all, late) => {
        const before = firstOf(all);
        fc.pre(before !== undefined && !all.some((each) => isSameScan(each, late)));
        const after = firstOf([...all, late])!;
        assert.ok(after === before || (after === late && late.admittedAt <= before!.admittedAt));
      }),
    );
  });

  it("tells exactly one scan of a ticket that it is the first, and the others which one is", () => {
    fc.assert(
      fc.property(admissions, (all) => {
        const results = all.map((scan) => scanResultOf(scan, { admissions: all, flaw: undefined }));
        assert.equal(results.filter(({ kind }) => kind === "first").length, Math.min(1, all.length));
        for (const result of results) if (result.kind === "double") assert.equal(result.first, firstOf(all));
      }),
    );
  });

  it("says why a scan was not recorded", () => {
    const scan = { deviceId: "a", nonce: "9" };
    assert.deepEqual(scanResultOf(scan, { admissions: [], flaw: undefined }), { kind: "nonceReused" });
    assert.deepEqual(scanResultOf(scan, { admissions: [], flaw: "revoked" }), {
      kind: "rejected",
      rejection: { reason: "revoked" },
    });
  });
});
