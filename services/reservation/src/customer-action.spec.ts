// Payments that wait for minutes until the customer has been at the bank's page.

import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import type { Call } from "#shared/grpc-server";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { EndReason, ResumeCheckoutRequestSchema } from "#gen/boxoffice/reservation/v1/reservation";
import { bankPage } from "../test/fake-payment.ts";
import { failing, gateAt } from "../test/hooks.ts";
import {
  beginWaiting,
  brokenPromises,
  isInTime,
  lapseHold,
  readReservation,
  resetNeighbours,
  startTwo,
  token,
} from "../test/waiting-payments.ts";
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
  type Ids,
  type Replica,
  type World,
} from "../test/world.ts";
import { resumeCheckout } from "./rpc/resume-checkout.ts";

describe("a payment that wants something of the customer", () => {
  let world: World;
  let replica: Replica;
  let other: Replica;
  before(async () => {
    world = await createWorld();
    [replica, other] = await startTwo(world);
  });
  beforeEach(() => resetNeighbours(world));
  after(() => world.end());

  const begin = () => beginWaiting(replica);
  const read = (ids: Ids) => readReservation(replica, ids);
  const isNow = (ids: Ids, wanted: string) => isInTime(replica, ids, wanted);
  // As if the last look had been long ago.
  const passPoll = (ids: Ids) => world.database.sql`
    update reservation.reservation set next_attempt_at = clock_timestamp() + interval '10 minutes' - interval '3 seconds'
    where reservation_id = ${ids.reservationId} and next_action_url is not null`;

  it("answers PAYING and where to go, to whoever asks, and keeps no process busy", async () => {
    const ids = await begin();
    assert.equal((await read(ids)).nextActionUrl, bankPage);
    assert.equal(reservationOf((await pay(other, ids, { token })).outcome).nextActionUrl, bankPage);
    assert.equal(outcomeOf((await pay(other, ids, { token, key: "another" })).outcome), "IN_PROGRESS");
    const metrics = await (await fetch(`http://127.0.0.1:${replica.adminPort}/metrics`)).text();
    assert.match(metrics, /boxoffice_sagas_running 0/);
  });

  it("is finished at once by a hint that the payment has moved", async () => {
    const ids = await begin();
    world.payment.act(ids.reservationId, true);
    await other.client.resumeCheckout(ids, within);
    await isNow(ids, "CONFIRMED");
    const { outcome } = await pay(replica, ids, { token });
    assert.equal(outcomeOf(outcome), "CONFIRMED");
    assert.equal(reservationOf(outcome).nextActionUrl, "");
    assert.equal(world.payment.capturesOf(ids.reservationId), 1);
  });

  it("is finished by the customer's repeat, who is back before the provider tells", async () => {
    const ids = await begin();
    world.payment.act(ids.reservationId, true);
    await passPoll(ids);
    assert.equal(outcomeOf((await pay(other, ids, { token })).outcome), "CONFIRMED");
  });

  it("is shown no page any more once the customer has acted, though the seats are not sold yet", async () => {
    const ids = await begin();
    world.payment.act(ids.reservationId, true);
    const gate = gateAt("confirmHolds");
    world.inventory.hooks.before = gate.hook;
    await replica.client.resumeCheckout(ids, within);
    await gate.reached;
    for (const by of [replica, other]) {
      assert.equal(outcomeOf((await pay(by, ids, { token, timeoutMs: 1_000 })).outcome), "IN_PROGRESS");
    }
    assert.equal((await read(ids)).nextActionUrl, "");
    assert.equal(await cancel(other, ids), "IN_PROGRESS");
    gate.open();
    await isNow(ids, "CONFIRMED");
  });

  describe("and is hinted at before it was written down that it waits", () => {
    // The answer that the customer has to act is under way while they act.
    const hintWhile = async (method: string, ids: Ids, by: Replica, start: () => Promise<unknown>) => {
      const gate = gateAt(method);
      world.payment.hooks.after = gate.hook;
      const started = start();
      await gate.reached;
      world.payment.act(ids.reservationId, true);
      await by.client.resumeCheckout(ids, within);
      world.payment.hooks.reset();
      gate.open();
      await started;
      await isNow(ids, "CONFIRMED");
    };

    for (const where of ["here", "at another replica"] as const) {
      const by = () => (where === "here" ? replica : other);

      it(`goes on at once when it begins to wait, hinted at ${where}`, async () => {
        const ids = await reserve(replica);
        await hintWhile("authorize", ids, by(), () => pay(replica, ids, { token }));
      });

      it(`goes on at once when it waits again, hinted at ${where}`, async () => {
        const ids = await begin();
        await hintWhile("authorize", ids, by(), () => replica.client.resumeCheckout(ids, within));
      });

      it(`goes on at once when it has just been looked at, hinted at ${where}`, async () => {
        const ids = await reserve(replica);
        await hintWhile("getPayments", ids, by(), () => pay(replica, ids, { token }));
      });
    }
  });

  it("is asked about no more than every two seconds, however often the customer repeats", async () => {
    const ids = await begin();
    const before = world.payment.hooks.calls.get("authorize")!;
    await Promise.all(Array.from({ length: 20 }, (_, index) => pay(index % 2 ? replica : other, ids, { token })));
    assert.equal(world.payment.hooks.calls.get("authorize"), before);
  });

  it("is finished by the reconciler when nobody tells and nobody comes back", async () => {
    const polling = await world.startReplica({ ACTION_POLL_MS: "20", RECONCILER_INTERVAL_MS: "20" });
    const ids = await reserve(polling);
    await pay(polling, ids, { token });
    const asked = world.payment.hooks.calls.get("authorize")!;
    await eventually(
      () => world.payment.hooks.calls.get("authorize")!,
      (calls) => calls > asked + 2,
    );
    const [row] = await world.database.sql`
      select attempts from reservation.reservation where reservation_id = ${ids.reservationId}`;
    assert.equal(row!["attempts"], 0, "looks that found nothing new must not slow down what follows");
    world.payment.act(ids.reservationId, true);
    await isNow(ids, "CONFIRMED");
    await polling.stop();
  });

  it("that the customer fails is declined, and another card may follow", async () => {
    const ids = await begin();
    world.payment.act(ids.reservationId, false);
    await replica.client.resumeCheckout(ids, within);
    await isNow(ids, "HELD");
    assert.equal(outcomeOf((await pay(replica, ids, { token })).outcome), "PAYMENT_DECLINED");
    assert.equal((await read(ids)).nextActionUrl, "");
    assert.equal(outcomeOf((await pay(replica, ids, { key: "attempt-2" })).outcome), "CONFIRMED");
  });

  it("can be given up by the customer, which frees the seats", async () => {
    const ids = await begin();
    await cancel(other, ids);
    await isNow(ids, "CANCELLED");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["VOIDED"]);
    assert.equal(world.inventory.stateOf(ids.reservationId), "RELEASED");
    assert.equal(outcomeOf((await pay(replica, ids, { token })).outcome), "WRONG_STATE");
    assert.equal(await cancel(replica, ids), "CANCELLED");
  });

  it("is being given up, however often the customer asks for that", async () => {
    const reconciling = await world.startReplica({ RECONCILER_INTERVAL_MS: "20" });
    const ids = await begin();
    world.payment.hooks.before = failing("void");
    assert.equal(await cancel(other, ids), "PAYING");
    assert.equal(await cancel(replica, ids), "PAYING");
    world.payment.hooks.reset();
    await isNow(ids, "CANCELLED");
    await reconciling.stop();
  });

  it("that is given up while the customer proves who they are ends one way or the other", async () => {
    for (let round = 0; round < 5; round += 1) {
      const ids = await begin();
      world.payment.act(ids.reservationId, true);
      await Promise.all([replica.client.resumeCheckout(ids, within), cancel(other, ids)]);
      const end = await eventually(
        () => stateNow(replica, ids),
        (state) => state === "CONFIRMED" || state === "CANCELLED" || state === "REFUNDED",
      );
      const expected = { CONFIRMED: "CAPTURED", CANCELLED: "VOIDED", REFUNDED: "REFUNDED" }[end]!;
      assert.deepEqual(world.payment.statesOf(ids.reservationId), [expected]);
    }
  });

  it("keeps its hold while it waits, as long as inventory lets it", async () => {
    Object.assign(world.inventory.settings, { ttlMs: 2_000, capMs: 300_000 });
    const before = Date.now();
    const ids = await begin();
    assert.ok(Number((await read(ids)).holdExpireTime!.seconds) * 1000 > before + 60_000);
  });

  it("is given back when the hold can't be prolonged any more", async () => {
    const polling = await world.startReplica({ ACTION_POLL_MS: "20", RECONCILER_INTERVAL_MS: "20" });
    const ids = await reserve(polling);
    await pay(polling, ids, { token });
    await lapseHold(world, ids);
    await isNow(ids, "EXPIRED");
    assert.deepEqual(world.payment.statesOf(ids.reservationId), ["VOIDED"]);
    assert.equal((await read(ids)).endReason, EndReason.HOLD_LAPSED);
    await polling.stop();
  });

  it("is taken up only while there is room, however many hints come at once", async () => {
    const ids = await begin();
    let free = 1;
    const runner = {
      get free() {
        return free;
      },
      run: async () => void (free -= 1),
    };
    const resume = resumeCheckout({ sql: world.database.sql, runner, leaseMs: 3_000, actionPollMs: 600_000 });
    const hint = create(ResumeCheckoutRequestSchema, ids);
    await Promise.all(Array.from({ length: 5 }, () => resume(hint, {} as Call)));
    assert.equal(free, 0);
  });

  it("is no business of a hint about something else", async () => {
    const held = await reserve(replica);
    await replica.client.resumeCheckout(held, within);
    await replica.client.resumeCheckout(newIds(), within);
    assert.equal(await stateNow(replica, held), "HELD");
    const paying = await reserve(replica);
    const gate = gateAt("authorize");
    world.payment.hooks.before = gate.hook;
    const answer = pay(replica, paying);
    await gate.reached;
    await other.client.resumeCheckout(paying, within);
    assert.equal(world.payment.hooks.calls.get("authorize"), 1);
    gate.open();
    assert.equal(outcomeOf((await answer).outcome), "CONFIRMED");
    assert.equal(world.payment.payments.get((await answer).paymentId)?.state, PaymentState.CAPTURED);
  });

  // Nested, since a suite's own tests run before those of the suites in it.
  describe("after all that", () => {
    it("leaves everything as it should be", async () => {
      assert.deepEqual(await brokenPromises(replica), []);
    });
  });
});
