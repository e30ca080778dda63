import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { RefusalReason } from "#stubs";
import {
  LedgerBreak,
  OperationsService,
  RefundedSeats,
  type RefundReservationRequestSchema,
} from "#gen/boxoffice/edge/v1/operations";
import { ReservationState } from "#gen/boxoffice/edge/v1/reservation";
import { LedgerBreak as InternalBreak } from "#gen/boxoffice/payment/v1/payment";
import { ReservationState as InternalState } from "#gen/boxoffice/reservation/v1/reservation";
import { createRefusal } from "#shared/refusal";
import { errorFromRefusal } from "#shared/status";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { clientOf, organiserToken, post, startTestGateway, tokenFor, type TestGateway } from "../../test/harness.ts";
import { eventId, held, refused, reservationId } from "../../test/messages.ts";

type RefundInit = MessageInitShape<typeof RefundReservationRequestSchema>;

describe("OperationsService at the edge", () => {
  let gateway: TestGateway;
  const check = () =>
    clientOf(OperationsService, gateway.url, { token: organiserToken() }).checkInvariants({ eventId });
  const reportOf = (name: string, violations = 0n) => ({ promise: 1, name, violations, examined: 5n, examples: [] });

  before(async () => {
    gateway = await startTestGateway();
  });
  beforeEach(() => {
    const report = (name: string) => async (request: { scope?: { eventId: string } | undefined }) => {
      assert.equal(request.scope?.eventId, eventId);
      return { reports: [reportOf(name)] };
    };
    gateway.fakes.inventory.handlers.checkInvariants = report("inventory");
    gateway.fakes.reservation.handlers.checkInvariants = report("reservation");
    gateway.fakes.payment.handlers.checkInvariants = report("payment");
  });
  after(() => gateway.stop());

  it("asks every service and says clean when none found a violation", async () => {
    const { clean, reports } = await check();
    assert.equal(clean, true);
    assert.deepEqual(
      reports.map(({ name, examined }) => [name, examined]),
      [
        ["inventory", 5n],
        ["reservation", 5n],
        ["payment", 5n],
      ],
    );
  });

  it("is not clean when one service found a violation", async () => {
    gateway.fakes.payment.handlers.checkInvariants = async () => ({ reports: [reportOf("payment", 1n)] });
    assert.equal((await check()).clean, false);
  });

  it("passes a service's refusal on", async () => {
    const refusal = createRefusal(RefusalReason.NOT_FOUND, "no such event");
    gateway.fakes.inventory.handlers.checkInvariants = () => Promise.reject(errorFromRefusal(refusal));
    await assert.rejects(check(), (error: unknown) => ConnectError.from(error).code === Code.NotFound);
  });

  it("walks the ledger from where its caller stopped, and passes on what payment found", async () => {
    const after = { link: 7n, hash: "a".repeat(64) };
    const found = { verified: { link: 9n, hash: "b".repeat(64) }, headLink: 12n, done: false, unsealed: 1n };
    const broken = { link: 10n, kind: InternalBreak.REORDERED, description: "so", eventId, paymentId: "p" };
    gateway.fakes.payment.handlers.verifyLedger = async (request) => {
      assert.deepEqual([request.after?.link, request.after?.hash, request.linksMax], [7n, after.hash, 2]);
      return { ...found, broken: { ...broken, transactionKind: "refund", reference: "r" } };
    };
    const operations = clientOf(OperationsService, gateway.url, { token: organiserToken() });
    const answer = await operations.verifyLedger({ after, linksMax: 2 });
    assert.deepEqual([answer.verified?.link, answer.headLink, answer.done, answer.unsealed], [9n, 12n, false, 1n]);
    const { link, kind, description, transactionKind, reference } = answer.broken!;
    assert.deepEqual([link, kind, description], [10n, LedgerBreak.REORDERED, "so"]);
    assert.deepEqual([transactionKind, reference], ["refund", "r"]);
    assert.deepEqual([answer.broken!.eventId, answer.broken!.paymentId], [eventId, "p"]);
    gateway.fakes.payment.handlers.verifyLedger = async (request) => {
      assert.equal(request.after, undefined);
      return { done: true };
    };
    assert.equal((await operations.verifyLedger({})).done, true);
  });

  it("numbers the ways in which a link is broken as payment does", () => {
    assert.deepEqual(LedgerBreak, InternalBreak);
  });

  describe("refunding", () => {
    const refundId = "01890a5d-ac96-774b-bcce-b302099a8059";
    const wish = { eventId, reservationId, refundId, reason: "off", seats: RefundedSeats.KEPT_BLOCKED };
    const amountOf = (amountMinor: bigint) => ({
      case: "amount" as const,
      value: { currencyCode: "EUR", amountMinor },
    });
    const refund = (changes: Partial<typeof wish> & Pick<RefundInit, "part"> = {}) =>
      clientOf(OperationsService, gateway.url, { token: organiserToken("o-1") }).refundReservation({
        ...wish,
        ...changes,
      });

    it("asks for it in the organiser's name, whoever owns the reservation, and shows what was kept", async () => {
      gateway.fakes.reservation.handlers.refundReservation = async (request) => {
        assert.deepEqual([request.requestedBy, request.reason, request.refundId], ["o-1", "off", refundId]);
        assert.equal(request.part.case, undefined);
        return {
          outcome: held({ state: InternalState.REFUNDED }),
          refund: {
            ...{ refundId, reason: "off", keepBlocked: request.keepBlocked },
            amount: { currencyCode: "EUR", amountMinor: 5_000n },
            createTime: timestampFromMs(1_790_000_000_000),
          },
        };
      };
      const kept = await refund();
      assert.equal(kept.reservation?.state, ReservationState.REFUNDED);
      assert.deepEqual([kept.refund?.refundId, kept.refund?.reason, kept.refund?.seats], [refundId, "off", wish.seats]);
      assert.equal(kept.refund?.amount?.amountMinor, 5_000n);
      const { refund: freed } = await refund({ seats: RefundedSeats.BACK_ON_SALE });
      assert.equal(freed?.seats, RefundedSeats.BACK_ON_SALE);
    });

    it("asks for tickets, or for an amount, which moves no seat", async () => {
      gateway.fakes.reservation.handlers.refundReservation = async ({ part, keepBlocked }) => {
        const { value } = part;
        const asked = value && ("ticketIds" in value ? value.ticketIds.join() : `${value.amountMinor}`);
        return {
          outcome: held({ state: InternalState.CONFIRMED, refunded: { currencyCode: "EUR", amountMinor: 2_500n } }),
          refund: { refundId, reason: `${part.case} ${asked}`, keepBlocked, ticketIds: ["t"], done: true },
        };
      };
      const tickets = { case: "tickets" as const, value: { ticketIds: [reservationId] } };
      const ofTickets = await refund({ part: tickets });
      assert.deepEqual([ofTickets.refund?.reason, ofTickets.refund?.seats], [`tickets ${reservationId}`, wish.seats]);
      assert.deepEqual([ofTickets.refund?.ticketIds, ofTickets.refund?.done], [["t"], true]);
      assert.equal(ofTickets.reservation?.refunded?.amountMinor, 2_500n);
      const ofAmount = await refund({ part: amountOf(700n), seats: RefundedSeats.UNSPECIFIED });
      assert.deepEqual([ofAmount.refund?.reason, ofAmount.refund?.seats], ["amount 700", RefundedSeats.UNSPECIFIED]);
    });

    it("passes a refusal on", async () => {
      gateway.fakes.reservation.handlers.refundReservation = async () => ({
        outcome: refused(RefusalReason.WRONG_STATE, { metadata: { state: "REFUNDED" } }),
      });
      await assert.rejects(refund(), (error: unknown) => ConnectError.from(error).code === Code.FailedPrecondition);
    });

    it("refuses an id that is no UUIDv7, a missing reason, and no word about the seats, before anybody is asked", async () => {
      gateway.fakes.reservation.handlers.refundReservation = () => assert.fail("it was asked");
      for (const changes of [
        { refundId: "01890a5d-ac96-474b-bcce-b302099a8059" },
        { refundId: refundId.toUpperCase() },
        { reason: "" },
        { reason: "two\nlines" },
        { seats: RefundedSeats.UNSPECIFIED },
        { part: amountOf(700n) },
        { part: amountOf(0n), seats: RefundedSeats.UNSPECIFIED },
        { part: { case: "tickets" as const, value: { ticketIds: [] } } },
        { part: { case: "tickets" as const, value: { ticketIds: ["x"] } } },
      ]) {
        await assert.rejects(
          refund(changes),
          (error: unknown) => ConnectError.from(error).code === Code.InvalidArgument,
        );
      }
    });

    it("is for organisers only", async () => {
      const { status } = await post(
        gateway.url,
        "OperationsService/RefundReservation",
        {},
        { token: tokenFor("guest:1") },
      );
      assert.equal(status, 403);
    });
  });

  it("fails and names the services that can't be reached, instead of calling the rest clean", async () => {
    await Promise.all([gateway.fakes.payment.stop(), gateway.fakes.inventory.stop()]);
    await assert.rejects(check(), (error: unknown) => {
      const { code, rawMessage } = ConnectError.from(error);
      assert.deepEqual([code, rawMessage], [Code.Unavailable, "no answer from inventory, payment: try again"]);
      return true;
    });
  });
});
