import assert from "node:assert/strict";
import { v7 as uuidv7, validate, version } from "uuid";
import { createBookingRequests, createCheckoutRequests, createGuestRequests } from "./requests.ts";
import { createReservationIds } from "./reservation-ids.ts";
import { createSessions } from "./sessions.ts";
import { createSessionTokens } from "../../gateway/src/session/session-token.ts";

const context = { host: "127.0.0.1:1", tokenOf: (number: number) => `token-${number}` };
const sale = (requests: number) => ({ eventId: uuidv7(), areaIds: ["area-0", "area-1"], requests });
const bodyOf = ({ bytes }: { bytes: string }) => JSON.parse(bytes.split("\r\n\r\n")[1]!) as Record<string, unknown>;

describe("the requests of a load", () => {
  it("go through the areas in turn, and on to the next sale when one has had its share", () => {
    const sales = [sale(3), sale(3)];
    const next = createBookingRequests({ sales, quantity: 2 }, context);
    const asked = Array.from({ length: 7 }, () => bodyOf(next()));
    assert.deepEqual(
      asked.map(({ eventId }) => sales.findIndex((each) => each.eventId === eventId)),
      [0, 0, 0, 1, 1, 1, 1],
    );
    assert.deepEqual(
      asked.map(({ areaId }) => areaId),
      ["area-0", "area-1", "area-0", "area-1", "area-0", "area-1", "area-0"],
    );
  });

  it("have a customer and an id each, and a length that is true", () => {
    const next = createBookingRequests({ sales: [sale(Infinity)], quantity: 2 }, context);
    const made = Array.from({ length: 1_000 }, next);
    assert.equal(new Set(made.map(({ id }) => id)).size, 1_000);
    assert.equal(new Set(made.map(({ token }) => token)).size, 1_000);
    for (const { bytes } of made) {
      const [head, body] = bytes.split("\r\n\r\n");
      assert.equal(Number(/content-length: (\d+)/.exec(head!)![1]), Buffer.byteLength(body!));
    }
  });

  it("say that they are the first attempt, but not when they are repeated", () => {
    const request = createBookingRequests({ sales: [sale(1)], quantity: 2 }, context)();
    const { firstAttempt, ...first } = bodyOf(request);
    assert.equal(firstAttempt, true);
    assert.deepEqual(bodyOf({ bytes: request.again() }), first);
  });

  it("check out what was reserved, as who reserved it", () => {
    const booking = createBookingRequests({ sales: [sale(1)], quantity: 2 }, context)();
    const checkout = createCheckoutRequests([booking], context)();
    assert.equal(bodyOf(checkout)["reservationId"], booking.id);
    assert.match(checkout.bytes, /^POST \S+Checkout HTTP\/1\.1\r\n/);
    assert.match(checkout.bytes, new RegExp(`Bearer ${booking.token}\r\n`));
  });

  it("open a session without having one", () => {
    assert.doesNotMatch(createGuestRequests(context)().bytes, /authorization/);
  });
});

describe("reservation ids", () => {
  it("are UUIDs of version 7, and never the same", () => {
    const next = createReservationIds();
    const ids = Array.from({ length: 10_000 }, next);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids.slice(0, 100)) assert.ok(validate(id) && version(id) === 7, id);
  });
});

describe("sessions signed ahead", () => {
  it("are those that the gateway would have signed, and begin again after the last", () => {
    const sessionSecret = "a session secret of a test, 32 or more";
    const tokenOf = createSessions({ sessionSecret, sessionCount: 3, firstCustomer: 99 });
    const { verify } = createSessionTokens(sessionSecret);
    const subjects = [0, 1, 2, 3].map((number) => verify(tokenOf(number), Date.now())?.subject);
    assert.deepEqual(subjects, [
      "guest:bench-000000000099",
      "guest:bench-000000000100",
      "guest:bench-000000000101",
      "guest:bench-000000000099",
    ]);
  });
});
