import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { RefusalReason } from "#stubs";
import type { CreateCommand } from "#gen/boxoffice/reservation/v1/reservation";
import { post, startTestGateway, tokenFor, ways, type TestGateway } from "../../test/harness.ts";
import { held, refused, reservationId, wishJson } from "../../test/messages.ts";

const token = tokenFor("guest:1");
const idOf = (index: number) => `01890a5d-ac96-774b-bcce-${String(index).padStart(12, "0")}`;

for (const { way, settings } of ways) {
  describe(`a sold-out area, by ${way}`, () => {
    const running: TestGateway[] = [];
    let asked: CreateCommand[];
    let holdings: Set<string>;

    // Reservation has nothing left but for those who hold seats already.
    async function start(own: Record<string, string> = {}): Promise<TestGateway> {
      const gateway = await startTestGateway({ SOLD_OUT_NOTE_MS: "5000", ...settings, ...own });
      gateway.fakes.reservation.handlers.createReservations = async ({ commands }) => {
        asked.push(...commands);
        return {
          outcomes: commands.map(({ reservationId }) =>
            holdings.has(reservationId)
              ? held({ reservationId })
              : refused(RefusalReason.SOLD_OUT, { metadata: { free: "0" } }, "0 places are left here"),
          ),
        };
      };
      running.push(gateway);
      return gateway;
    }
    const reserve = (gateway: TestGateway, wish: object, session = token) =>
      post(gateway.url, "ReservationService/CreateReservation", { ...wishJson, ...wish }, { token: session });

    beforeEach(() => {
      asked = [];
      holdings = new Set();
    });
    afterEach(async () => {
      for (const gateway of running.splice(0)) await gateway.stop();
    });

    it("is refused from memory to first attempts, in reservation's own words", async () => {
      const gateway = await start();
      const first = await reserve(gateway, { reservationId: idOf(1), firstAttempt: true });
      const second = await reserve(gateway, { reservationId: idOf(2), firstAttempt: true });
      assert.deepEqual([first.status, first.body.details[0].debug.reason], [400, "SOLD_OUT"]);
      assert.deepEqual(second.body, first.body);
      assert.equal(second.status, 400);
      assert.equal(asked.length, 1);
      const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
      assert.match(metrics, /boxoffice_edge_sold_out_noted_total 1\n/);
    });

    it("is never refused from memory to an id that is repeated, whose first attempt may have succeeded", async () => {
      const gateway = await start();
      await reserve(gateway, { reservationId: idOf(1), firstAttempt: true });
      // Its first attempt went through another gateway, and its answer was lost.
      holdings.add(reservationId);
      const repeated = await reserve(gateway, { reservationId, firstAttempt: false });
      assert.deepEqual([repeated.status, repeated.body.reservation?.state], [200, "RESERVATION_STATE_HELD"]);
      const unsaid = await reserve(gateway, { reservationId });
      assert.equal(unsaid.status, 200);
    });

    it("is asked about where it is not said to be a first attempt, and what is heard is noted", async () => {
      const gateway = await start();
      for (let index = 0; index < 3; index++) await reserve(gateway, { reservationId: idOf(index) });
      assert.equal(asked.length, 3);
      await reserve(gateway, { reservationId: idOf(4), firstAttempt: true });
      assert.equal(asked.length, 3);
    });

    it("is asked about by whoever wants fewer seats, another area, another way to choose, or seats by name", async () => {
      const gateway = await start();
      await reserve(gateway, { reservationId: idOf(1), firstAttempt: true });
      const others = [
        { bestAvailable: { quantity: 1 } },
        { areaId: "floor" },
        { eventId: idOf(9) },
        { bestAvailable: undefined, generalAdmission: { quantity: 2 } },
        { bestAvailable: undefined, namedSeats: { seats: [{ row: "A", number: 1 }] } },
        { bestAvailable: undefined, namedSeats: { seats: [{ row: "A", number: 1 }] } },
      ];
      for (const [index, other] of others.entries()) {
        await reserve(gateway, { ...other, reservationId: idOf(10 + index), firstAttempt: true });
      }
      assert.equal(asked.length, 1 + others.length);
    });

    it("is told to nobody who lacks a session, is over a limit or asks for nonsense", async () => {
      const gateway = await start({ LIMIT_SESSION: "3" });
      const own = tokenFor(`guest:${randomUUID()}`);
      const wish = { reservationId: idOf(1), firstAttempt: true };
      const reasonOf = async (changed: object) =>
        (await reserve(gateway, { ...wish, ...changed }, own)).body.details[0].debug.reason;
      assert.equal(await reasonOf({}), "SOLD_OUT");
      assert.equal((await reserve(gateway, wish, "forged")).status, 401);
      assert.equal(await reasonOf({ reservationId: "mine" }), "INVALID_ARGUMENT");
      assert.equal(await reasonOf({}), "SOLD_OUT");
      assert.equal(await reasonOf({}), "RATE_LIMITED");
      assert.equal(asked.length, 1);
    });

    it("is always asked about where notes are turned off", async () => {
      const gateway = await start({ SOLD_OUT_NOTE_MS: "0" });
      for (let index = 0; index < 3; index++)
        await reserve(gateway, { reservationId: idOf(index), firstAttempt: true });
      assert.equal(asked.length, 3);
    });
  });
}
