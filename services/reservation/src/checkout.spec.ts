import assert from "node:assert/strict";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { EndReason, type ReservationOutcome } from "#gen/boxoffice/reservation/v1/reservation";
import { Phase } from "./domain/booking.ts";
import { digestOf } from "./domain/checkout.ts";
import { failing, gateAt } from "../test/hooks.ts";
import {
  cancel,
  createWorld,
  eventually,
  newIds,
  outcomeOf,
  pay,
  reservationOf,
  reserve,
  stateNow,
  within,
  type Replica,
  type World,
} from "../test/world.ts";

function messageOf(outcome: ReservationOutcome | undefined): string | undefined {
  return outcome?.outcome.case === "refusal" ? outcome.outcome.value.message : undefined;
}

describe("checkout", () => {
  let world: World;
  let replica: Replica;
  let other: Replica;
  before(async () => {
    world = await createWorld();
    replica = await world.startReplica();
    other = await world.startReplica();
  });
  beforeEach(() => {
    world.inventory.hooks.reset();
    world.payment.hooks.reset();
    Object.assign(world.inventory.settings, {
      ...{ ttlMs: 600_000, capMs: 1_500_000, priceMinor: 2_500, placesMax: Infinity },
    });
    Object.assign(world.payment.settings, {
      unknown: PaymentState.AUTHORIZING,
      capturing: false,
      voiding: false,
      refunding: false,
    });
  });
  after(() => world.end());

  it("authorises, sells the seats, captures, confirms", async () => {
    const ids = await reserve(replica);
    const { outcome, paymentId } = await pay(replica, ids);
    assert.equal(outcomeOf(outcome), "CONFIRMED");
    assert.equal(world.payment.payments.get(paymentId)!.state, PaymentState.CAPTURED);
    assert.equal(world.payment.payments.get(paymentId)!.request.amount!.amountMinor, 5_000n);
    assert.equal(world.inventory.stateOf(ids.reservationId), "CONFIRMED");
  });

  it("answers the same key the same, long after and on another replica", async () => {
    const ids = await reserve(replica);
    const first = await pay(replica, ids);
    const second = await pay(other, ids);
    assert.deepEqual(second, first);
    assert.equal(await cancel(replica, ids), "REFUNDED");
    const third = await pay(replica, ids);
    assert.equal(third.paymentId, first.paymentId);
    assert.equal(outcomeOf(third.outcome), "REFUNDED");
  });

  it("turns 100 identical requests at once into one payment, on two replicas", async () => {
    const ids = await reserve(replica);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => pay(index % 2 ? replica : other, ids)));
    const outcomes = new Set(answers.map(({ outcome }) => outcomeOf(outcome)));
    assert.ok(outcomes.has("CONFIRMED"));
    outcomes.delete("CONFIRMED");
    outcomes.delete("IN_PROGRESS");
    assert.deepEqual([...outcomes], []);
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["CAPTURED"]);
    assert.equal(world.payment.capturesOf(ids.reservationId), 1);
  });

  it("gives identical requests on one replica the same answer, by waiting for the one that runs", async () => {
    const ids = await reserve(replica);
    const answers = await Promise.all(Array.from({ length: 20 }, () => pay(replica, ids)));
    assert.deepEqual(new Set(answers.map(({ outcome }) => outcomeOf(outcome))), new Set(["CONFIRMED"]));
  });

  it("answers a repeat that waited while its first try was begun and declined", async () => {
    const ids = await reserve(replica);
    let repeated: ReturnType<typeof pay> | undefined;
    await world.database.sql.begin(async (tx) => {
      await tx`select from reservation.reservation where reservation_id = ${ids.reservationId} for update`;
      repeated = pay(replica, ids, { token: "tok_decline" });
      await eventually(
        () => world.database.sql`
          select 1 from pg_stat_activity
          where datname = current_database() and usename = 'boxoffice_reservation' and wait_event_type = 'Lock'`,
        (waiting) => waiting.length > 0,
      );
      await tx`
        insert into reservation.checkout
          (event_id, reservation_id, idempotency_key, payment_id, token_digest, outcome, decline_reason)
        values (${ids.eventId}, ${ids.reservationId}, 'attempt-1', gen_random_uuid(), ${digestOf("tok_decline")}, 2,
          'card_declined')`;
      await tx`
        update reservation.reservation set checkout_count = 1 where reservation_id = ${ids.reservationId}`;
    });
    assert.equal(outcomeOf((await repeated!).outcome), "PAYMENT_DECLINED");
    assert.equal(await stateNow(replica, ids), "HELD");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), []);
  });

  it("lets one of many keys at once pay", async () => {
    const ids = await reserve(replica);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => pay(index % 2 ? replica : other, ids, { key: `key-${index}` })),
    );
    const confirmed = answers.filter(({ outcome }) => outcomeOf(outcome) === "CONFIRMED");
    assert.equal(confirmed.length, 1);
    for (const { outcome } of answers) {
      assert.match(outcomeOf(outcome), /^(CONFIRMED|IN_PROGRESS|WRONG_STATE)$/);
    }
    assert.equal(world.payment.capturesOf(ids.reservationId), 1);
  });

  it("refuses a declined payment with its reason, keeps the hold, and takes another attempt", async () => {
    const ids = await reserve(replica);
    const declined = await pay(replica, ids, { token: "tok_decline" });
    assert.equal(outcomeOf(declined.outcome), "PAYMENT_DECLINED");
    assert.ok(declined.outcome?.outcome.case === "refusal");
    assert.deepEqual(declined.outcome.outcome.value.metadata, { decline_reason: "card_declined" });
    assert.equal(await stateNow(replica, ids), "HELD");
    const paid = await pay(replica, ids, { key: "attempt-2" });
    assert.equal(outcomeOf(paid.outcome), "CONFIRMED");
    // The first key still says what it said.
    const repeated = await pay(other, ids, { token: "tok_decline" });
    assert.equal(outcomeOf(repeated.outcome), "PAYMENT_DECLINED");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["DECLINED", "CAPTURED"]);
  });

  it("refuses a key that comes back with another payment method, and changes nothing", async () => {
    const ids = await reserve(replica);
    await pay(replica, ids, { token: "tok_decline" });
    const reused = await pay(replica, ids, { token: "tok_approve" });
    assert.equal(outcomeOf(reused.outcome), "IDEMPOTENCY_KEY_REUSED");
    assert.equal(await stateNow(replica, ids), "HELD");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["DECLINED"]);
  });

  it("takes at most ten attempts", async () => {
    const ids = await reserve(replica);
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      const { outcome } = await pay(replica, ids, { token: "tok_decline", key: `key-${attempt}` });
      assert.equal(outcomeOf(outcome), "PAYMENT_DECLINED");
    }
    const { outcome } = await pay(replica, ids, { key: "key-11" });
    assert.equal(outcomeOf(outcome), "WRONG_STATE");
    assert.ok(outcome?.outcome.case === "refusal");
    assert.equal(outcome.outcome.value.metadata["attempts_max"], "10");
  });

  it("does not find another customer's reservation, nor one that does not exist", async () => {
    const ids = await reserve(replica);
    assert.equal(outcomeOf((await pay(replica, ids, { customer: "customer-2" })).outcome), "NOT_FOUND");
    assert.equal(outcomeOf((await pay(replica, newIds())).outcome), "NOT_FOUND");
    assert.equal(await stateNow(replica, ids), "HELD");
  });

  it("refuses a lapsed hold without asking the provider", async () => {
    world.inventory.settings.ttlMs = 1;
    const ids = newIds();
    await replica.client.createReservations(
      { commands: [{ ...ids, customerId: "customer-1", areaId: "stalls", selection: oneSeat }] },
      { timeoutMs: 5_000 },
    );
    const { outcome } = await pay(replica, ids);
    assert.equal(outcomeOf(outcome), "HOLD_EXPIRED");
    assert.equal(messageOf(outcome), "the hold lapsed before it was paid");
    assert.equal(world.payment.hooks.calls.get("authorize"), undefined);
  });

  it("refuses what was cancelled or is confirmed already, naming the state", async () => {
    const ids = await reserve(replica);
    await cancel(replica, ids);
    const { outcome } = await pay(replica, ids);
    assert.equal(outcomeOf(outcome), "WRONG_STATE");
    assert.ok(outcome?.outcome.case === "refusal");
    assert.deepEqual(outcome.outcome.value.metadata, { state: "CANCELLED" });
  });

  it("prolongs a hold that is about to lapse before it asks for the money, and stores the new end", async () => {
    world.inventory.settings.ttlMs = 5_000;
    const ids = await reserve(replica);
    const before = Date.now();
    const { outcome } = await pay(replica, ids);
    assert.ok(outcome?.outcome.case === "reservation");
    assert.equal(outcomeOf(outcome), "CONFIRMED");
    assert.ok(Number(outcome.outcome.value.holdExpireTime!.seconds) * 1000 > before + 60_000);
  });

  it("keeps the seats for a payment that came late, while nobody else has them", async () => {
    const ids = await reserve(replica);
    world.payment.hooks.after = (method) => {
      if (method === "authorize") world.inventory.lapse(ids.reservationId);
    };
    const { outcome } = await pay(replica, ids);
    assert.equal(outcomeOf(outcome), "CONFIRMED");
    assert.equal(world.inventory.stateOf(ids.reservationId), "EXPIRED");
    const again = [...world.inventory.holds.entries()].filter(
      ([holdId, { command }]) => command.eventId === ids.eventId && holdId !== ids.reservationId,
    );
    assert.equal(again.length, 1);
    assert.equal(world.inventory.stateOf(again[0]![0]), "CONFIRMED");
    assert.deepEqual(
      again[0]![1].command.selection.case === "namedSeats" && again[0]![1].command.selection.value.seats.length,
      2,
    );
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["CAPTURED"]);
    assert.equal(await cancel(replica, ids), "REFUNDED");
    assert.equal(world.inventory.stateOf(again[0]![0]), "REFUNDED");
  });

  it("voids and expires when the payment came late and the seats are somebody else's, and says so", async () => {
    const ids = await reserve(replica);
    world.payment.hooks.after = (method) => {
      if (method === "authorize") world.inventory.lapse(ids.reservationId);
    };
    world.inventory.settings.placesMax = 0;
    assert.equal(outcomeOf((await pay(replica, ids)).outcome), "HOLD_EXPIRED");
    assert.equal(await stateNow(replica, ids), "EXPIRED");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["VOIDED"]);
    const { outcome } = await replica.client.getReservation({ key: { ...ids, customerId: "customer-1" } }, within);
    assert.equal(reservationOf(outcome).endReason, EndReason.PAID_TOO_LATE);
    const { outcome: again } = await pay(replica, ids);
    assert.equal(outcomeOf(again), "HOLD_EXPIRED");
    assert.equal(messageOf(again), "it was paid too late, and the seats could not be had any more");
  });

  it("asks again when the authorisation is unknown, and confirms once it is known", async () => {
    const ids = await reserve(replica);
    world.payment.hooks.after = (method) => {
      if (method === "authorize" && world.payment.hooks.calls.get("authorize") === 2) {
        world.payment.settings.unknown = PaymentState.AUTHORIZED;
      }
    };
    assert.equal(outcomeOf((await pay(replica, ids, { token: "tok_unknown" })).outcome), "CONFIRMED");
    assert.ok(world.payment.hooks.calls.get("authorize")! >= 3);
    assert.equal(world.payment.capturesOf(ids.reservationId), 1);
  });

  it("answers IN_PROGRESS with a time to come back when the provider stays unclear, and goes on without the caller", async () => {
    const ids = await reserve(replica);
    const { outcome } = await pay(replica, ids, { token: "tok_unknown", timeoutMs: 700 });
    assert.equal(outcomeOf(outcome), "IN_PROGRESS");
    assert.ok(outcome?.outcome.case === "refusal");
    assert.equal(outcome.outcome.value.retryAfter?.seconds, 1n);
    assert.equal(await stateNow(other, ids), "PAYING");
    assert.equal(outcomeOf((await pay(other, ids, { key: "attempt-2" })).outcome), "IN_PROGRESS");
    assert.equal(await cancel(other, ids), "IN_PROGRESS");
    world.payment.settings.unknown = PaymentState.AUTHORIZED;
    await eventually(
      () => stateNow(replica, ids),
      (state) => state === "CONFIRMED",
    );
    assert.equal(outcomeOf((await pay(other, ids, { token: "tok_unknown" })).outcome), "CONFIRMED");
  });

  it("voids an authorisation that stays unknown until the hold can't be prolonged any more", async () => {
    Object.assign(world.inventory.settings, { ttlMs: 300, capMs: 900 });
    const ids = await reserve(replica);
    await pay(replica, ids, { token: "tok_unknown", timeoutMs: 500 });
    await eventually(
      () => stateNow(replica, ids),
      (state) => state === "EXPIRED",
    );
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["VOIDED"]);
    assert.equal(outcomeOf((await pay(replica, ids, { token: "tok_unknown" })).outcome), "HOLD_EXPIRED");
  });

  for (const [neighbour, method] of [
    ["payment", "authorize"],
    ["payment", "capture"],
    ["inventory", "confirmHolds"],
  ] as const) {
    it(`confirms although ${neighbour} was down for ${method}, or lost its answer`, async () => {
      for (const moment of ["before", "after"] as const) {
        const ids = await reserve(replica);
        world[neighbour].hooks[moment] = failing(method, 2);
        assert.equal(outcomeOf((await pay(replica, ids)).outcome), "CONFIRMED");
        assert.equal(world.payment.capturesOf(ids.reservationId), 1);
        world[neighbour].hooks.reset();
      }
    });
  }

  it("confirms a payment whose capture took effect although the provider left it open", async () => {
    const ids = await reserve(replica);
    world.payment.settings.capturing = true;
    const paying = pay(replica, ids);
    await eventually(
      () => world.payment.hooks.calls.get("capture") ?? 0,
      (calls) => calls >= 2,
    );
    world.payment.settings.capturing = false;
    assert.equal(outcomeOf((await paying).outcome), "CONFIRMED");
    assert.equal(world.payment.capturesOf(ids.reservationId), 1);
  });

  it("undoes a booking whose payment can't be captured: void, seats free, expired", async () => {
    const ids = await reserve(replica);
    world.payment.hooks.before = (method) => {
      const payment = [...world.payment.payments.values()].find(
        (each) => each.request.reservationId === ids.reservationId,
      );
      if (method === "capture") payment!.state = PaymentState.VOIDED;
    };
    assert.equal(outcomeOf((await pay(replica, ids)).outcome), "HOLD_EXPIRED");
    assert.equal(world.inventory.stateOf(ids.reservationId), "REFUNDED");
    assert.equal(await stateNow(replica, ids), "EXPIRED");
  });

  it("undoes a booking whose capture the provider declines", async () => {
    const ids = await reserve(replica);
    const declined = await pay(replica, ids, { token: "tok_capture_declined" });
    assert.equal(outcomeOf(declined.outcome), "PAYMENT_DECLINED");
    assert.ok(declined.outcome?.outcome.case === "refusal");
    assert.deepEqual(declined.outcome.outcome.value.metadata, { decline_reason: "card_declined" });
    const { outcome } = await replica.client.getReservation({ key: { ...ids, customerId: "customer-1" } }, within);
    assert.equal(reservationOf(outcome).endReason, EndReason.CAPTURE_DECLINED);
    const { outcome: again } = await pay(replica, ids, { key: "attempt-2" });
    assert.equal(outcomeOf(again), "HOLD_EXPIRED");
    assert.equal(messageOf(again), "the payment was authorised, but its capture was declined");
    assert.equal(world.inventory.stateOf(ids.reservationId), "REFUNDED");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["DECLINED"]);
    assert.equal(await stateNow(replica, ids), "EXPIRED");
  });

  it("keeps the hold when payment calls the request malformed", async () => {
    world.inventory.settings.priceMinor = 90_000_000_000;
    const ids = await reserve(replica);
    const { outcome } = await pay(replica, ids);
    assert.equal(outcomeOf(outcome), "PAYMENT_DECLINED");
    assert.ok(outcome?.outcome.case === "refusal");
    assert.equal(outcome.outcome.value.metadata["decline_reason"], "invalid_request");
    assert.equal(await stateNow(replica, ids), "HELD");
  });

  it("confirms and refunds what costs nothing without a payment", async () => {
    world.inventory.settings.priceMinor = 0;
    const ids = await reserve(replica);
    const { outcome, paymentId } = await pay(replica, ids);
    assert.equal(outcomeOf(outcome), "CONFIRMED");
    assert.equal(paymentId, "");
    assert.equal(await cancel(replica, ids), "REFUNDED");
    assert.equal(world.inventory.stateOf(ids.reservationId), "REFUNDED");
    assert.equal(world.payment.payments.size > 0 && world.payment.statesOf(ids.reservationId).length, 0);
  });

  it("needs a payment method's token for what costs something, and none for what does not", async () => {
    const ids = await reserve(replica);
    const { outcome } = await pay(replica, ids, { token: "" });
    assert.ok(outcome?.outcome.case === "refusal");
    assert.equal(outcomeOf(outcome), "INVALID_ARGUMENT");
    assert.equal(outcome.outcome.value.violations[0]?.field, "payment_method_token");
    assert.equal(await stateNow(replica, ids), "HELD");
    assert.equal(outcomeOf((await pay(replica, ids)).outcome), "CONFIRMED");
    world.inventory.settings.priceMinor = 0;
    const free = await reserve(replica);
    assert.equal(outcomeOf((await pay(replica, free, { token: "" })).outcome), "CONFIRMED");
    assert.deepEqual(world.payment.statesOf(free.reservationId), []);
  });

  it("refuses with OVERLOADED, before anything is written, when it runs as many sagas as it may", async () => {
    const small = await world.startReplica({ SAGAS_MAX: "1", RECONCILER_INTERVAL_MS: "60000" });
    const [first, second] = [await reserve(small), await reserve(small)];
    const gate = gateAt("authorize");
    world.payment.hooks.before = gate.hook;
    const running = pay(small, first);
    await gate.reached;
    assert.equal(outcomeOf((await pay(small, second)).outcome), "OVERLOADED");
    assert.equal(await stateNow(small, second), "HELD");
    gate.open();
    assert.equal(outcomeOf((await running).outcome), "CONFIRMED");
    assert.equal(outcomeOf((await pay(small, second)).outcome), "CONFIRMED");
  });

  it("leaves a booking that is being paid to its saga when the hold lapses meanwhile", async () => {
    const [ids, witness] = [await reserve(replica), await reserve(replica)];
    const gate = gateAt("authorize");
    world.payment.hooks.before = gate.hook;
    const paying = pay(replica, ids);
    await gate.reached;
    await world.database.sql`
      update reservation.reservation set hold_expires_at = clock_timestamp() - interval '1 second'
      where reservation_id in (${ids.reservationId}, ${witness.reservationId})`;
    await eventually(
      () =>
        world.database.sql`select phase from reservation.reservation where reservation_id = ${witness.reservationId}`,
      ([row]) => row!["phase"] === Phase.expired,
    );
    assert.equal(await stateNow(other, ids), "PAYING");
    gate.open();
    assert.equal(outcomeOf((await paying).outcome), "CONFIRMED");
  });
});

const oneSeat = { case: "bestAvailable" as const, value: { quantity: 1 } };
