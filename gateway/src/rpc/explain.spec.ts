import assert from "node:assert/strict";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { SeatState, StoryKind, StoryService } from "#stubs";
import { OperationsService } from "#gen/boxoffice/edge/v1/operations";
import { clientOf, organiserToken, startTestGateway, tokenFor, type TestGateway } from "../../test/harness.ts";
import { eventId, reservationId } from "../../test/messages.ts";

const paymentId = "01890a5d-ac96-474b-8cce-b302099a8059";
const seat = { row: "A", number: 12 };

const told = (service: StoryService, kind: StoryKind, atMs: number) => ({
  ...{ service, kind, text: StoryKind[kind]!, ids: {} },
  time: timestampFromMs(atMs),
});
const story = (id: string, summary: string, entries: ReturnType<typeof told>[]) => ({
  ...{ id, summary, entries },
  next: [`${summary} next`],
  gaps: [`${summary} gap`],
});
const holdStory = story(reservationId, "sold", [
  told(StoryService.INVENTORY, StoryKind.SEATS_HELD, 10),
  told(StoryService.INVENTORY, StoryKind.SEATS_SOLD, 30),
]);
const bookingStory = story(reservationId, "confirmed", [
  told(StoryService.RESERVATION, StoryKind.RESERVATION_CREATED, 11),
  told(StoryService.RESERVATION, StoryKind.RESERVATION_CONFIRMED, 50),
]);
const paymentStory = story(paymentId, "captured", [
  told(StoryService.PAYMENT, StoryKind.PAYMENT_REQUESTED, 20),
  told(StoryService.PAYMENT, StoryKind.PAYMENT_CAPTURED, 40),
]);

for (const LEAN_EDGE of ["true", "false"]) {
  describe(`Explaining at the edge, LEAN_EDGE=${LEAN_EDGE}`, () => {
    let gateway: TestGateway;
    const organiser = () => clientOf(OperationsService, gateway.url, { token: organiserToken() });
    const explain = async () => (await organiser().explainReservation({ eventId, reservationId })).story!;
    const codeOf = (call: Promise<unknown>) =>
      call.then(
        () => "answered",
        (error: unknown) => Code[ConnectError.from(error).code],
      );
    const down = () => Promise.reject(new ConnectError("down", Code.Unavailable));

    before(async () => (gateway = await startTestGateway({ LEAN_EDGE })));
    beforeEach(() => {
      const { inventory, reservation, payment } = gateway.fakes;
      inventory.handlers.explainHolds = async () => ({ stories: [holdStory] });
      inventory.handlers.explainSeat = async () => ({
        ...{ state: SeatState.SOLD, summary: "A-12 is sold", ownerHoldId: reservationId, storiesLeftOut: 3 },
        stories: [holdStory, { ...holdStory, id: paymentId, summary: "lapsed" }],
        gaps: ["refusals"],
      });
      reservation.handlers.explainReservations = async () => ({
        stories: [{ story: bookingStory, paymentIds: [paymentId], holdId: reservationId }],
      });
      payment.handlers.explainPayments = async () => ({ stories: [paymentStory] });
    });
    after(() => gateway.stop());

    it("tells a reservation's story as one, in order, and asks each service for its part", async () => {
      const asked: unknown[] = [];
      const { inventory, reservation, payment } = gateway.fakes;
      inventory.handlers.explainHolds = async ({ holdIds }) => (asked.push(holdIds), { stories: [holdStory] });
      reservation.handlers.explainReservations = async ({ reservationIds }) => (
        asked.push(reservationIds),
        { stories: [{ story: bookingStory, paymentIds: [paymentId], holdId: reservationId }] }
      );
      payment.handlers.explainPayments = async ({ paymentIds }) => (
        asked.push(paymentIds),
        { stories: [paymentStory] }
      );
      const { id, summary, entries, next, gaps } = await explain();
      assert.deepEqual([id, summary], [reservationId, "confirmed"]);
      assert.deepEqual(
        entries.map(({ text }) => text),
        [
          "SEATS_HELD",
          "RESERVATION_CREATED",
          "PAYMENT_REQUESTED",
          "SEATS_SOLD",
          "PAYMENT_CAPTURED",
          "RESERVATION_CONFIRMED",
        ],
      );
      assert.deepEqual(next, ["sold next", "confirmed next", "captured next"]);
      assert.deepEqual(gaps, ["sold gap", "confirmed gap", "captured gap"]);
      assert.deepEqual(asked.slice(-1), [[paymentId]]);
      assert.deepEqual(asked.slice(0, 2), [[reservationId], [reservationId]]);
    });

    it("tells of a hold that no reservation was written for", async () => {
      gateway.fakes.reservation.handlers.explainReservations = async () => ({ stories: [] });
      const { summary, entries } = await explain();
      assert.equal(summary, "sold No reservation of this id was written for it.");
      assert.equal(entries.length, 2);
    });

    it("asks for no other hold where reservation leaves the hold's id out, as replicas of the build before do", async () => {
      const { inventory, reservation } = gateway.fakes;
      const asked: string[] = [];
      inventory.handlers.explainHolds = async ({ holdIds }) => (asked.push(...holdIds), { stories: [holdStory] });
      reservation.handlers.explainReservations = async () => ({
        stories: [{ story: bookingStory, paymentIds: [paymentId] }],
      });
      assert.equal((await explain()).entries.length, 6);
      assert.deepEqual(asked, [reservationId]);
    });

    it("tells what it can and names who did not answer", async () => {
      gateway.fakes.payment.handlers.explainPayments = down;
      const withoutPayment = await explain();
      assert.equal(withoutPayment.entries.length, 4);
      assert.match(withoutPayment.gaps[0]!, /^payment did not answer/);
      gateway.fakes.inventory.handlers.explainHolds = down;
      const withoutInventory = await explain();
      assert.equal(withoutInventory.entries.length, 2);
      assert.match(withoutInventory.gaps[0]!, /^inventory did not answer/);
    });

    it("says NOT_FOUND only where all who might know have answered", async () => {
      const { inventory, reservation } = gateway.fakes;
      inventory.handlers.explainHolds = async () => ({ stories: [] });
      reservation.handlers.explainReservations = async () => ({ stories: [] });
      assert.equal(await codeOf(explain()), "NotFound");
      reservation.handlers.explainReservations = down;
      assert.equal(await codeOf(explain()), "Unavailable");
      inventory.handlers.explainHolds = down;
      assert.equal(await codeOf(explain()), "Unavailable");
    });

    it("tells a seat's story: how it stands, and every hold that had it with its reservation", async () => {
      const { $typeName: _, stories, ...standing } = await organiser().explainSeat({ eventId, areaId: "stalls", seat });
      assert.deepEqual(standing, {
        state: SeatState.SOLD,
        summary: "A-12 is sold",
        ownerReservationId: reservationId,
        storiesLeftOut: 3,
        gaps: ["refusals"],
      });
      assert.deepEqual(
        stories.map(({ id, summary, entries }) => [id, summary, entries.length]),
        [
          [reservationId, "confirmed", 6],
          [paymentId, "lapsed No reservation of this id was written for it. It does not have this seat any more.", 2],
        ],
      );
    });

    it("says of a booking that stands without a seat which came back that it does not have it any more", async () => {
      gateway.fakes.inventory.handlers.explainSeat = async () => ({
        ...{ state: SeatState.FREE, summary: "A-12 is on sale again." },
        stories: [holdStory],
      });
      const { ownerReservationId, stories } = await organiser().explainSeat({ eventId, areaId: "stalls", seat });
      assert.equal(ownerReservationId, "");
      assert.deepEqual(
        stories.map(({ summary }) => summary),
        ["confirmed It does not have this seat any more."],
      );
    });

    it("tells of both holds of a booking that was paid late, by whichever id it is asked for, and names it as the owner", async () => {
      const holdId = paymentId.replace(/.$/, "a");
      const second = story(holdId, "sold again", [told(StoryService.INVENTORY, StoryKind.SEATS_HELD, 25)]);
      const { inventory, reservation } = gateway.fakes;
      inventory.handlers.explainHolds = async ({ holdIds }) => ({
        stories: [holdStory, second].filter(({ id }) => holdIds.includes(id)),
      });
      inventory.handlers.explainSeat = async () => ({
        ...{ state: SeatState.SOLD, summary: "A-12 is sold", ownerHoldId: holdId },
        stories: [second, holdStory],
      });
      reservation.handlers.explainReservations = async () => ({
        stories: [{ story: bookingStory, paymentIds: [], holdId }],
      });
      const texts = ["SEATS_HELD", "RESERVATION_CREATED", "SEATS_HELD", "SEATS_SOLD", "RESERVATION_CONFIRMED"];
      for (const id of [reservationId, holdId.toUpperCase()]) {
        const { story } = await organiser().explainReservation({ eventId, reservationId: id });
        assert.equal(story!.id, reservationId);
        assert.deepEqual(
          story!.entries.map(({ text }) => text),
          texts,
        );
      }
      const { ownerReservationId, stories } = await organiser().explainSeat({ eventId, areaId: "stalls", seat });
      assert.equal(ownerReservationId, reservationId);
      assert.deepEqual(
        stories.map(({ id, entries }) => [id, entries.map(({ text }) => text)]),
        [[reservationId, texts]],
      );
    });

    it("is for organisers, and wants a whole question", async () => {
      const guest = clientOf(OperationsService, gateway.url, { token: tokenFor("guest:1") });
      assert.equal(await codeOf(guest.explainReservation({ eventId, reservationId })), "PermissionDenied");
      assert.equal(await codeOf(guest.explainSeat({ eventId, areaId: "stalls", seat })), "PermissionDenied");
      assert.equal(await codeOf(organiser().explainSeat({ eventId, areaId: "stalls" })), "InvalidArgument");
      assert.equal(await codeOf(organiser().explainReservation({ eventId, reservationId: "x" })), "InvalidArgument");
    });
  });
}
