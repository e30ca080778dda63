import assert from "node:assert/strict";
import { policyOf } from "../policy.ts";
import { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import { createAdmission, type Admission, type Gate } from "./admission.ts";
import { tickIntervalMs } from "./wait-limit.ts";

const patientMs = 10_000;

describe("admission", () => {
  const { createReservation, checkout, getReservation, cancelReservation } = ReservationService.method;

  function enterAll(gate: Gate, timeoutMs = patientMs): number {
    let entered = 0;
    for (; !gate.refusalOf(timeoutMs); entered++) gate.enter();
    return entered;
  }

  const admissionOf = (options: { inFlightMin?: number; inFlightMax: number }) =>
    createAdmission({ inFlightMin: 10, waitMs: 500, nowMs: 0, ...options });

  it("keeps the last of the room for those who pay, the next for those who cancel, the next for those who reserve", () => {
    const admission = admissionOf({ inFlightMax: 100 });
    const browsing = enterAll(admission.gateOf({ priority: "browsing" }));
    const reserving = enterAll(admission.gateOf({ priority: "reserving" }));
    const cancelling = enterAll(admission.gateOf({ priority: "cancelling" }));
    const paying = enterAll(admission.gateOf({ priority: "paying" }));
    assert.deepEqual([browsing, reserving, cancelling, paying], [80, 10, 5, 5]);
    assert.equal(admission.inFlight, 100);
    const gate = admission.gateOf({ priority: "paying" });
    assert.equal(gate.refusalOf(patientMs), "full");
    gate.leave();
    assert.equal(gate.refusalOf(patientMs), undefined);
  });

  it("lets paying, looking at one's own and cancelling through while reserving is shed", () => {
    const admission = admissionOf({ inFlightMax: 1_000 });
    const reserve = admission.gateOf(policyOf(createReservation));
    enterAll(reserve);
    for (let nowMs = tickIntervalMs; nowMs < 3_000; nowMs += tickIntervalMs) admission.tick(nowMs);
    for (let left = 0; left < 800; left++) reserve.leave();
    assert.equal(reserve.refusalOf(patientMs), "wait");
    for (const method of [checkout, getReservation, cancelReservation]) {
      assert.equal(admission.gateOf(policyOf(method)).refusalOf(patientMs), undefined, method.name);
    }
  });

  it("shrinks browsing first, down to its floor, where browsing and reserving need the same machine", () => {
    const admission = admissionOf({ inFlightMax: 10_000 });
    const reserve = admission.gateOf({ priority: "reserving", queue: "reservations" });
    const browse = admission.gateOf({ priority: "browsing", queue: "reads" });
    const served = serveTogether(admission, { reserve, browse, untilMs: 20_000, countFromMs: 10_000 });
    assert.ok(served.reserve > 8 * served.browse, JSON.stringify(served));
    assert.ok(served.reserve + served.browse >= 0.9 * 10 * perSecond, JSON.stringify(served));
    assert.ok(served.browse > 0);
  });

  it("does not shrink a queue for what the process itself is behind", () => {
    const refusals = [tickIntervalMs, 3 * tickIntervalMs].map((elapsedMs) => {
      const admission = admissionOf({ inFlightMax: 1_000 });
      const gate = admission.gateOf({ priority: "reserving", queue: "reservations" });
      enterAll(gate);
      for (let nowMs = elapsedMs; nowMs < 5_000; nowMs += elapsedMs) {
        admission.queues.reservations.completed(elapsedMs / 2, 600);
        admission.tick(nowMs);
      }
      for (let left = 0; left < 300; left++) gate.leave();
      return gate.refusalOf(patientMs);
    });
    assert.deepEqual(refusals, ["wait", undefined]);
  });

  it("counts refusals by priority and reason", () => {
    const admission = admissionOf({ inFlightMax: 1 });
    const gate = admission.gateOf({ priority: "browsing", queue: "reads" });
    gate.turnAway("wait");
    gate.turnAway("wait");
    admission.gateOf({ priority: "browsing" }).turnAway("full");
    assert.deepEqual(
      [
        admission.shedCount("browsing", "wait"),
        admission.shedCount("browsing", "full"),
        admission.shedCount("paying", "full"),
      ],
      [2, 1, 0],
    );
  });
});

const perSecond = 2_000;

// One server for both, first come, first served; ten times as much of each arrives as it can serve.
function serveTogether(
  admission: Admission,
  { reserve, browse, untilMs, countFromMs }: { reserve: Gate; browse: Gate; untilMs: number; countFromMs: number },
): { reserve: number; browse: number } {
  const served = { reserve: 0, browse: 0 };
  const queue: { kind: "reserve" | "browse"; atMs: number }[] = [];
  for (let nowMs = 1; nowMs <= untilMs; nowMs++) {
    for (let index = 0; index < perSecond / 100; index++) {
      for (const kind of ["browse", "reserve"] as const) {
        const gate = kind === "browse" ? browse : reserve;
        if (gate.refusalOf(patientMs)) continue;
        gate.enter();
        queue.push({ kind, atMs: nowMs });
      }
    }
    for (const { kind, atMs } of queue.splice(0, perSecond / 1_000)) {
      (kind === "browse" ? browse : reserve).leave();
      admission.queues[kind === "browse" ? "reads" : "reservations"].completed(1, nowMs - atMs);
      if (nowMs > countFromMs) served[kind] += 1;
    }
    if (nowMs % tickIntervalMs === 0) admission.tick(nowMs);
  }
  return served;
}
