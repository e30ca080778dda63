import assert from "node:assert/strict";
import { RefusalReason } from "#stubs";
import { HoldState } from "#gen/boxoffice/inventory/v1/inventory";
import { PaymentState } from "#gen/boxoffice/payment/v1/payment";
import { bookingIn, depsWith, hold, nowMs, paid, refund, refused, unknown, type Answers } from "../test/saga-deps.ts";
import { Phase } from "./domain/booking.ts";
import { advance } from "./saga.ts";

describe("a step of the saga", () => {
  for (const [words, phase, answers, expected] of [
    [
      "asks again while the authorisation is open",
      Phase.authorizing,
      { authorize: paid(PaymentState.AUTHORIZING) },
      "again",
    ],
    [
      "waits for the customer where the provider wants that",
      Phase.authorizing,
      { authorize: paid(PaymentState.ACTION_REQUIRED, { nextActionUrl: "https://bank" }) },
      "waiting",
    ],
    [
      "wants another hold for an authorised payment whose hold has ended",
      Phase.authorizing,
      { confirm: refused(RefusalReason.HOLD_EXPIRED) },
      "noted",
    ],
    ["gives back what was voided under it", Phase.authorizing, { authorize: paid(PaymentState.VOIDED) }, "seatsLost"],
    [
      "gives back whatever stands under a refused key",
      Phase.authorizing,
      { authorize: refused(RefusalReason.IDEMPOTENCY_KEY_REUSED) },
      "seatsLost",
    ],
    [
      "goes on with a payment that has gone further",
      Phase.authorizing,
      { authorize: paid(PaymentState.CAPTURED) },
      "seatsConfirmed",
    ],
    ["names a decline that has no reason", Phase.authorizing, { authorize: paid(PaymentState.DECLINED) }, "declined"],
    [
      "takes seats that inventory does not know as lost",
      Phase.authorizing,
      { confirm: refused(RefusalReason.NOT_FOUND) },
      "seatsLost",
    ],
    [
      "does not believe in a confirmation that left the hold held",
      Phase.authorizing,
      { confirm: hold(HoldState.HELD) },
      "again",
    ],
    ["asks again while the capture is open", Phase.capturing, { capture: paid(PaymentState.CAPTURING) }, "again"],
    [
      "undoes what the provider won't capture",
      Phase.capturing,
      { capture: paid(PaymentState.DECLINED) },
      "captureRefused",
    ],
    [
      "undoes what can't be captured",
      Phase.capturing,
      { capture: refused(RefusalReason.WRONG_STATE) },
      "captureRefused",
    ],
    ["asks again while the void is open", Phase.voiding, { void: paid(PaymentState.VOIDING) }, "again"],
    ["has nothing to void in a declined payment", Phase.voiding, { void: paid(PaymentState.DECLINED) }, "undone"],
    [
      "refunds what can't be voided since it was captured",
      Phase.voiding,
      { void: refused(RefusalReason.WRONG_STATE) },
      "voidRefused",
    ],
    [
      "asks again when the void is refused for another reason",
      Phase.voiding,
      { void: refused(RefusalReason.NOT_FOUND) },
      "again",
    ],
    ["does not expire before the seats are free", Phase.voiding, { release: hold(HoldState.CONFIRMED) }, "again"],
    ["asks again while the refund is open", Phase.refunding, { refund: refund({ isDone: false }) }, "again"],
    [
      "asks again when the refund is refused for a reason that passes",
      Phase.refunding,
      { refund: refused(RefusalReason.WRONG_STATE) },
      "again",
    ],
    ["does not end a refund before the seats are free", Phase.refunding, { release: unknown }, "again"],
    [
      "takes a hold that inventory does not know as free",
      Phase.releasing,
      { release: refused(RefusalReason.NOT_FOUND) },
      "released",
    ],
    [
      "asks again when inventory won't free a hold",
      Phase.releasing,
      { release: refused(RefusalReason.WRONG_STATE) },
      "again",
    ],
  ] as [string, Phase, Answers, string][]) {
    it(words, async () => {
      const progress = await advance(bookingIn(phase), depsWith(answers));
      assert.equal(progress.kind === "learned" ? progress.command.kind : progress.kind, expected);
    });
  }

  it("does not ask for money while it can't prolong a hold that is about to lapse", async () => {
    const asked: string[] = [];
    const lapsing = { ...bookingIn(Phase.authorizing), holdExpiresAt: new Date(nowMs + 1_000) };
    const progress = await advance(lapsing, depsWith({ extend: unknown }, asked));
    assert.equal(progress.kind, "again");
    assert.deepEqual(asked, ["extend"]);
  });

  it("asks for money when the hold is at its cap already", async () => {
    const asked: string[] = [];
    const capped = { ...bookingIn(Phase.authorizing), holdExpiresAt: new Date(nowMs + 1_000) };
    await advance(capped, depsWith({ extend: hold(HoldState.HELD, nowMs + 1_000) }, asked));
    assert.deepEqual(asked, ["extend", "authorize", "confirm"]);
  });

  it("asks for money though this process's clock is so far ahead that no hold ever seems to have time left", async () => {
    const asked: string[] = [];
    const prolonged = { ...bookingIn(Phase.authorizing), holdExpiresAt: new Date(nowMs + 1_000) };
    await advance(prolonged, depsWith({ extend: hold(HoldState.HELD, nowMs + 1_020) }, asked));
    assert.deepEqual(asked, ["extend", "authorize", "confirm"]);
  });

  it("asks for the same seats again, once, when the payment came late", async () => {
    const asked: string[] = [];
    const lapsed = { ...bookingIn(Phase.authorizing), holdExpiresAt: new Date(nowMs - 1_000) };
    const late = { extend: refused(RefusalReason.HOLD_EXPIRED) };
    assert.deepEqual(await advance(lapsed, depsWith(late, asked)), {
      ...{ kind: "noted", because: "held_again", holdId: "new", hasActed: true },
    });
    assert.deepEqual(asked.splice(0), ["extend", "read"]);
    const held = { ...lapsed, holdId: "new" };
    const holdExpiresAt = new Date(nowMs + 600_000);
    assert.deepEqual(await advance(held, depsWith(late, asked)), {
      ...{ kind: "noted", because: "hold_made", holdExpiresAt, isHoldNew: true },
    });
    assert.deepEqual(asked.splice(0), ["authorize", "holdAgain"]);
    const again = { ...held, holdExpiresAt };
    assert.deepEqual(await advance(again, depsWith(late, asked)), {
      ...{ kind: "learned", command: { kind: "seatsConfirmed" } },
    });
    assert.deepEqual(asked.splice(0), ["authorize", "holdAgain", "confirm"]);
    for (const gone of [
      { holdAgain: refused(RefusalReason.SEATS_UNAVAILABLE) },
      { confirm: refused(RefusalReason.HOLD_EXPIRED) },
    ]) {
      const progress = await advance(again, depsWith(gone));
      assert.deepEqual(progress, { kind: "learned", command: { kind: "seatsLost", isPaid: true } });
    }
    assert.equal((await advance(again, depsWith({ holdAgain: unknown }))).kind, "again");
  });

  it("gives up a lapsed hold whose payment has not come, and asks for no money first", async () => {
    const lapsed = { ...bookingIn(Phase.authorizing), holdExpiresAt: new Date(nowMs - 1_000) };
    const extend = refused(RefusalReason.HOLD_EXPIRED);
    for (const read of [paid(PaymentState.AUTHORIZING), refused(RefusalReason.NOT_FOUND)]) {
      const asked: string[] = [];
      const progress = await advance(lapsed, depsWith({ extend, read }, asked));
      assert.deepEqual(progress, { kind: "learned", command: { kind: "seatsLost", isPaid: false } });
      assert.deepEqual(asked, ["extend", "read"]);
    }
    assert.equal((await advance(lapsed, depsWith({ extend, read: unknown }))).kind, "again");
  });

  it("writes that the customer has acted before it asks for the seats", async () => {
    const asked: string[] = [];
    const acted = { ...bookingIn(Phase.authorizing), nextActionUrl: "https://bank" };
    const progress = await advance(acted, depsWith({}, asked));
    assert.deepEqual(progress, { kind: "noted", because: "acted", hasActed: true });
    assert.deepEqual(asked, ["authorize"]);
  });

  it("asks the provider once more whether the customer has acted when the hold has ended meanwhile", async () => {
    const asked: string[] = [];
    const waiting = {
      ...bookingIn(Phase.authorizing),
      holdExpiresAt: new Date(nowMs - 1_000),
      nextActionUrl: "https://bank",
    };
    const extend = refused(RefusalReason.HOLD_EXPIRED);
    assert.equal((await advance(waiting, depsWith({ extend }, asked))).kind, "noted");
    assert.deepEqual(asked, ["extend", "authorize"]);
    const still = paid(PaymentState.ACTION_REQUIRED, { nextActionUrl: "https://bank" });
    const progress = await advance(waiting, depsWith({ extend, authorize: still }));
    assert.deepEqual(progress, { kind: "learned", command: { kind: "seatsLost", isPaid: false } });
  });

  it("passes on why a capture was declined", async () => {
    const declined = paid(PaymentState.DECLINED, { declineReason: "authorization_expired" });
    assert.deepEqual(await advance(bookingIn(Phase.voiding), depsWith({ void: declined })), {
      ...{ kind: "learned", command: { kind: "undone", declineReason: "authorization_expired" } },
    });
  });

  it("has no work for a booking that is finished, and none for one that lacks its keys", async () => {
    for (const phase of [Phase.held, Phase.confirmed, Phase.refunded, Phase.cancelled, Phase.expired]) {
      await assert.rejects(advance(bookingIn(phase), depsWith({})), /has no work/);
    }
    await assert.rejects(advance({ ...bookingIn(Phase.capturing), paymentId: null }, depsWith({})), /no payment/);
    await assert.rejects(
      advance({ ...bookingIn(Phase.authorizing), paymentMethodToken: null }, depsWith({})),
      /no payment method/,
    );
  });
});
