import assert from "node:assert/strict";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import fc from "fast-check";
import { CreateEventRequestSchema } from "#gen/boxoffice/edge/v1/event";
import { CreateReservationRequestSchema, ListReservationsRequestSchema } from "#gen/boxoffice/edge/v1/reservation";
import { HoldCommandSchema } from "#gen/boxoffice/inventory/v1/inventory";
import { CreateCommandSchema, GetReservationRequestSchema } from "#gen/boxoffice/reservation/v1/reservation";
import { isPlainlyValid } from "./plain-rules.ts";
import { invalidArgument } from "./validate.ts";

const library = createValidator();
const id = "01932d1a-0000-7000-8000-000000000001";
const ids = fc.constantFrom(id, id.toUpperCase(), "", "x", `${id} `, id.replaceAll("-", ""));
const areas = fc.constantFrom("area-1", "-area", "", "a".repeat(32), "a".repeat(33), "ü");
const customers = fc.constantFrom("guest:1", "", "with space", "x".repeat(200), "x".repeat(201));
const quantities = fc.oneof(fc.integer({ min: -1, max: 101 }), fc.constantFrom(2 ** 31 - 1));
const labels = fc.constantFrom("A", "", ":", "ü", "x".repeat(40));
const selections = fc.oneof(
  fc.constant(undefined),
  fc.record({ case: fc.constant("bestAvailable"), value: fc.record({ quantity: quantities, split: fc.boolean() }) }),
  fc.record({ case: fc.constant("generalAdmission"), value: fc.record({ quantity: quantities }) }),
  fc.record({
    case: fc.constant("namedSeats"),
    value: fc.record({
      seats: fc.array(fc.record({ row: labels, number: fc.integer({ min: -1, max: 3 }) }), { maxLength: 3 }),
    }),
  }),
);

const cases: [DescMessage, fc.Arbitrary<unknown>][] = [
  [
    CreateReservationRequestSchema,
    fc.record({ eventId: ids, reservationId: ids, areaId: areas, selection: selections }),
  ],
  [
    CreateCommandSchema,
    fc.record({ eventId: ids, reservationId: ids, customerId: customers, areaId: areas, selection: selections }),
  ],
  [
    HoldCommandSchema,
    fc.record({
      ...{ eventId: ids, holdId: ids, customerId: customers, areaId: areas, selection: selections },
      replacesHoldId: ids,
    }),
  ],
  [
    GetReservationRequestSchema,
    fc.record({ key: fc.record({ eventId: ids, reservationId: ids, customerId: customers }) }, { requiredKeys: [] }),
  ],
  [
    ListReservationsRequestSchema,
    fc.record({
      eventId: ids,
      pageSize: quantities,
      pageToken: fc.constantFrom("", "𝄞".repeat(200), "x".repeat(201)),
      states: fc.array(fc.integer({ min: 0, max: 9 })),
    }),
  ],
  [CreateEventRequestSchema, fc.record({ name: labels, venue: labels, customerLimit: quantities })],
];

describe("invalidArgument", () => {
  for (const [schema, inits] of cases) {
    it(`judges ${schema.name} as protovalidate does`, () => {
      fc.assert(
        fc.property(inits, (init) => {
          const message = create(schema, init as MessageInitShape<typeof schema>);
          const { kind } = library.validate(schema, message);
          assert.notEqual(kind, "error");
          assert.equal(invalidArgument(schema, message) === undefined, kind === "valid");
        }),
        { numRuns: 300 },
      );
    });
  }

  it("needs no more than a quick look at the messages of a rush", () => {
    const selection = { case: "bestAvailable" as const, value: { quantity: 2 } };
    const request = create(CreateReservationRequestSchema, { eventId: id, reservationId: id, areaId: "a", selection });
    const command = create(CreateCommandSchema, {
      ...request,
      $typeName: CreateCommandSchema.typeName,
      customerId: "c",
    });
    const hold = create(HoldCommandSchema, { eventId: id, holdId: id, customerId: "c", areaId: "a", selection });
    assert.ok(isPlainlyValid(CreateReservationRequestSchema, request));
    assert.ok(isPlainlyValid(CreateCommandSchema, command));
    assert.ok(isPlainlyValid(HoldCommandSchema, hold));
  });

  it("names the fields that are wrong", () => {
    const refusal = invalidArgument(CreateCommandSchema, create(CreateCommandSchema, { eventId: "x" }));
    const fields = refusal?.violations.map(({ field }) => field) ?? [];
    assert.ok(fields.includes("event_id") && fields.includes("selection"), fields.join());
  });
});
