// One account against its limit, and a payment against its hold's end. Two replicas of everything that decides, since
// nothing of this may depend on which one is asked.

import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { createGrpcClient, PaymentService, RefusalReason, type GrpcClient } from "#stubs";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { PaymentState, type PaymentOutcome } from "#gen/boxoffice/payment/v1/payment";
import {
  bestOf,
  eventually,
  guest,
  member,
  organiser,
  publishEvent,
  reasonOf,
  untilKnown,
  type EdgeUser,
} from "../support/edge.ts";
import { startSystem, type System } from "../support/system.ts";

describe("races that somebody might try to win", function () {
  this.timeout(120_000);
  let system: System;
  let staff: EdgeUser;

  before(async () => {
    system = await startSystem({
      replicas: { inventory: 2, reservation: 2, gateway: 2 },
      settings: {
        // A hold of two seconds lasts four at most while it is paid, and a slow payment takes longer than that.
        inventory: { HOLD_EXTENSION_MAX_MS: "0" },
        sandbox: { SLOW_MS: "9000" },
        payment: { PROVIDER_TRY_MS: "25000" },
        reservation: { PAYMENT_TIMEOUT_MS: "28000" },
      },
    });
    staff = await organiser(system.gatewayUrl, system.issuerUrl);
  });
  afterEach(async () => {
    const { reports } = await staff.operations.checkInvariants({});
    assert.deepEqual(
      reports.filter(({ violations }) => violations > 0n).map(({ name, examples }) => ({ name, examples })),
      [],
    );
  });
  after(() => system?.stop());

  it("give an account no more than its limit, to 100 racers in four sessions at two gateways", async () => {
    const limit = 7;
    const eventId = await publishEvent(staff, { customerLimit: limit });
    const gateways = [system.gatewayUrl, `http://127.0.0.1:${system.portsOf("gateway-2").http}`];
    const sessions = await Promise.all(
      [...gateways, ...gateways].map((url) => member(url, system.issuerUrl, { sub: "one-account" })),
    );
    assert.equal(new Set(sessions.map(({ customerId }) => customerId)).size, 1);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, racer) => {
        const wish = bestOf(eventId, 1);
        return untilKnown(() => sessions[racer % sessions.length]!.reservations.createReservation(wish)).then(
          () => "HELD",
          (error: unknown) => reasonOf(Promise.reject(error)),
        );
      }),
    );
    assert.deepEqual(countsOf(answers), { HELD: limit, CUSTOMER_LIMIT: 100 - limit });
    const { areas } = await sessions[0]!.events.getAvailability({ eventId });
    assert.equal(areas[0]!.held, limit);
    const stranger = await guest(system.gatewayUrl);
    await stranger.reservations.createReservation(bestOf(eventId, limit));
  });

  it("authorise and capture nothing for a hold that has lapsed", async () => {
    const buyer = await guest(system.gatewayUrl);
    const eventId = await publishEvent(staff, { holdTtlMs: 1_000 });
    const wish = bestOf(eventId, 2);
    await buyer.reservations.createReservation(wish);
    await eventually("the hold lapses", async () => {
      const { reservation } = await buyer.reservations.getReservation(wish);
      return reservation?.state === ReservationState.EXPIRED ? true : undefined;
    });
    const before = await statsOf(system);
    const request = { eventId, reservationId: wish.reservationId, paymentMethodToken: "tok_approve" };
    const pay = () => untilKnown(() => buyer.reservations.checkout({ ...request, idempotencyKey: uuidv7() }));
    const answers = await Promise.all(Array.from({ length: 5 }, () => reasonOf(pay())));
    assert.deepEqual(countsOf(answers), { HOLD_EXPIRED: 5 });
    assert.deepEqual(await statsOf(system), before);
  });

  it("capture nothing when the hold lapses, and its seats are sold, while the payment is being authorised", async () => {
    const [late, quick] = [await guest(system.gatewayUrl), await guest(system.gatewayUrl)];
    const eventId = await publishEvent(staff, { holdTtlMs: 2_000 });
    const wish = bestOf(eventId, 2);
    const { reservation } = await late.reservations.createReservation(wish);
    const before = await statsOf(system);
    const paying = reasonOf(
      untilKnown(() =>
        late.reservations.checkout({
          ...{ eventId, reservationId: wish.reservationId },
          ...{ paymentMethodToken: "tok_slow", idempotencyKey: "first" },
        }),
      ),
    );
    const named = { case: "namedSeats" as const, value: { seats: reservation!.seats } };
    const again = { eventId, reservationId: uuidv7() };
    await eventually("the seats are free again", async () =>
      quick.reservations.createReservation({ ...again, areaId: "stalls", selection: named }).catch(() => undefined),
    );
    // Were they only held and given up, the late payment would have them in the end.
    const attempt = { ...again, paymentMethodToken: "tok_approve", idempotencyKey: "first" };
    const resold = await untilKnown(() => quick.reservations.checkout(attempt));
    assert.equal(resold.reservation?.state, ReservationState.CONFIRMED);
    assert.equal(await paying, "HOLD_EXPIRED");
    const { authorizations, captures, voids } = before;
    const expected = { authorizations: authorizations + 2, captures: captures + 1, voids: voids + 1 };
    const after = await eventually("what was authorised is given back", async () => {
      const stats = await statsOf(system);
      return stats.voids === expected.voids ? stats : undefined;
    });
    assert.deepEqual(after, expected);
  });

  it("capture nothing that was given back, though a service asks for it", async () => {
    const payment = createGrpcClient(PaymentService, `127.0.0.1:${system.portsOf("payment").grpc}`);
    const before = await statsOf(system);
    try {
      const key = { eventId: uuidv7(), paymentId: uuidv7() };
      assert.equal(await outcomeOf(payment.capture({ key }, inTime)), "NOT_FOUND");
      await authorize(payment, key);
      const { outcome } = await payment.void({ key }, inTime);
      assert.ok(outcome?.outcome.case === "payment" && outcome.outcome.value.state === PaymentState.VOIDED);
      const racers = Array.from({ length: 10 }, () => outcomeOf(payment.capture({ key }, inTime)));
      assert.deepEqual(countsOf(await Promise.all(racers)), { WRONG_STATE: 10 });
    } finally {
      payment.close();
    }
    assert.equal((await statsOf(system)).captures, before.captures);
  });
});

const inTime = { timeoutMs: 30_000 };

async function authorize(
  payment: GrpcClient<typeof PaymentService>,
  key: { eventId: string; paymentId: string },
): Promise<void> {
  const { outcome } = await payment.authorize(
    {
      ...{ key, reservationId: uuidv7(), customerId: "guest:1", paymentMethodToken: "tok_approve" },
      amount: { currencyCode: "EUR", amountMinor: 2_500n },
    },
    inTime,
  );
  assert.ok(outcome?.outcome.case === "payment" && outcome.outcome.value.state === PaymentState.AUTHORIZED);
}

async function outcomeOf(call: Promise<{ outcome?: PaymentOutcome | undefined }>): Promise<string> {
  const { outcome } = (await call).outcome!;
  if (outcome.case === "refusal") return RefusalReason[outcome.value.reason];
  return outcome.case === "payment" ? PaymentState[outcome.value.state] : "nothing";
}

function countsOf(answers: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

type Stats = { authorizations: number; captures: number; voids: number };

async function statsOf({ sandboxUrl }: System): Promise<Stats> {
  const { authorizations, captures, voids } = (await (await fetch(`${sandboxUrl}/v1/stats`)).json()) as Stats;
  return { authorizations, captures, voids };
}
