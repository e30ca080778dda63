import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { CreateCommandSchema, CreateReservationsRequestSchema } from "#gen/boxoffice/reservation/v1/reservation";
import { commandBytesMax } from "./reservation-batcher.ts";

const text = (min: number, max: number) =>
  fc.string({ minLength: min, maxLength: max, unit: fc.constantFrom("a", "7", " ", ".") });
const selection = fc.oneof(
  fc.record({
    case: fc.constant("bestAvailable" as const),
    value: fc.record({ quantity: fc.integer({ min: 1, max: 50 }), split: fc.boolean() }),
  }),
  fc.record({
    case: fc.constant("namedSeats" as const),
    value: fc.record({
      seats: fc.array(fc.record({ row: text(1, 16), number: fc.integer({ min: 1, max: 1_000 }) }), {
        minLength: 1,
        maxLength: 50,
      }),
    }),
  }),
);
const command = fc.record({
  eventId: fc.uuid(),
  reservationId: fc.uuid(),
  customerId: text(1, 200),
  areaId: text(1, 32),
  selection,
});

describe("reservation batches", () => {
  it("are never larger than their estimate, which is what keeps them under 60,000 bytes", () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 20 }), (inits) => {
        const commands = inits.map((init) => create(CreateCommandSchema, init));
        const bytes = toBinary(CreateReservationsRequestSchema, create(CreateReservationsRequestSchema, { commands }));
        const estimate = commands.reduce((sum, each) => sum + commandBytesMax(each), 0);
        assert.ok(bytes.length <= estimate, `${bytes.length} > ${estimate}`);
        assert.ok(estimate < 2 * bytes.length, `${estimate} wastes more than half a batch`);
      }),
    );
  });
});
