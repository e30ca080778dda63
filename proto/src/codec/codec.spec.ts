import assert from "node:assert/strict";
import {
  create,
  fromBinary,
  fromJsonString,
  ScalarType,
  toBinary,
  toJsonString,
  type DescField,
  type DescMessage,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import * as edge from "../gen/boxoffice/edge/v1/reservation_pb.ts";
import * as events from "../gen/boxoffice/edge/v1/event_pb.ts";
import { RefusalSchema } from "../gen/boxoffice/common/v1/refusal_pb.ts";
import * as inventory from "../gen/boxoffice/inventory/v1/inventory_pb.ts";
import * as payment from "../gen/boxoffice/payment/v1/payment_pb.ts";
import * as reservation from "../gen/boxoffice/reservation/v1/reservation_pb.ts";
import { ListServiceResponseSchema, ServerReflectionResponseSchema } from "../gen/grpc/reflection/v1/reflection_pb.ts";
import { codecOf } from "./codec.ts";
import { planOf } from "./plan.ts";

const services = [
  edge.ReservationService,
  events.EventService,
  inventory.InventoryService,
  reservation.ReservationService,
  payment.PaymentService,
];
const schemas = services.flatMap(({ methods }) => methods.flatMap(({ input, output }) => [input, output]));

const jsonOptions = { alwaysEmitImplicit: true };

/** What a call gives or that it throws; the library's words included. */
function attempt<T>(call: () => T): { value: T } | { error: string } {
  try {
    return { value: call() };
  } catch (error) {
    return { error: String(error) };
  }
}

const strings = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.constantFrom("", '"\\', "\u0000", "\u2028", "ß", "𝄞", "x".repeat(43), "é".repeat(42), "x".repeat(70_000)),
  fc.uuid(),
);
const int64s = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 1n, -1n, 127n, 128n),
);
const int32s = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31)));

function scalars(scalar: ScalarType): fc.Arbitrary<unknown> {
  switch (scalar) {
    case ScalarType.STRING:
      return strings;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 200 });
    case ScalarType.INT32:
      return int32s;
    case ScalarType.INT64:
      return int64s;
    default:
      throw new Error(`no values of ${ScalarType[scalar]}`);
  }
}

function values(field: DescField): fc.Arbitrary<unknown> {
  if (field.message) return messages(field.message);
  if (field.enum) return fc.constantFrom(...field.enum.values.map(({ number }) => number), 77);
  return scalars(field.scalar!);
}

function fields(field: DescField): fc.Arbitrary<unknown> {
  if (field.fieldKind === "list") return fc.array(values(field), { maxLength: 3 });
  if (field.fieldKind === "map")
    return fc.dictionary(
      fc.string({ maxLength: 5 }).filter((key) => key !== "__proto__"),
      strings,
      { maxKeys: 3 },
    );
  return values(field);
}

/** Inits of messages: any of the fields, any of a oneof's. */
function messages(desc: DescMessage): fc.Arbitrary<Record<string, unknown>> {
  if (desc.typeName === "google.protobuf.Timestamp") {
    return fc.record(
      {
        seconds: fc.bigInt({ min: -62_135_596_801n, max: 253_402_300_800n }),
        nanos: fc.oneof(
          fc.integer({ min: -1, max: 1_000_000_000 }),
          fc.constantFrom(0, 5, 120_000, 123_000_000, 999_999_999),
        ),
      },
      { requiredKeys: [] },
    );
  }
  const members = desc.members.map((member): [string, fc.Arbitrary<unknown>] => [
    member.localName,
    member.kind === "field"
      ? fields(member)
      : fc.oneof(
          ...member.fields.map((field) => fc.record({ case: fc.constant(field.localName), value: values(field) })),
        ),
  ]);
  return fc.record(Object.fromEntries(members), { requiredKeys: [] });
}

const runs = { numRuns: 25 };

describe("a compiled codec", () => {
  it("is made for everything that buyers, organisers and services send, but not for messages with parts of other kinds", () => {
    for (const schema of schemas) assert.ok(planOf(schema), schema.typeName);
    assert.ok(planOf(ListServiceResponseSchema));
    assert.ok(planOf(ServerReflectionResponseSchema));
  });

  for (const schema of new Set<DescMessage>([...schemas, RefusalSchema])) {
    const codec = codecOf(schema);
    const init = (value: unknown) => value as MessageInitShape<typeof schema>;

    it(`writes and reads ${schema.typeName} as the library does`, () => {
      fc.assert(
        fc.property(messages(schema), (value) => {
          const message = create(schema, init(value));
          const bytes = toBinary(schema, message);
          assert.deepEqual(codec.toBinary(init(value)), Buffer.from(bytes));
          assert.deepEqual(codec.fromBinary(bytes), fromBinary(schema, bytes));
          const json = attempt(() => toJsonString(schema, message, jsonOptions));
          assert.deepEqual(
            attempt(() => codec.toJsonString(init(value))),
            json,
          );
          if (!("value" in json)) return;
          assert.deepEqual(
            attempt(() => codec.fromJsonString(json.value)),
            attempt(() => fromJsonString(schema, json.value)),
          );
        }),
        runs,
      );
    });

    it(`makes of damaged ${schema.typeName} what the library makes of it`, () => {
      const damage = fc.record({
        at: fc.nat(),
        by: fc.integer({ min: 0, max: 255 }),
        cut: fc.nat(4),
        repeat: fc.boolean(),
      });
      fc.assert(
        fc.property(messages(schema), damage, (value, { at, by, cut, repeat }) => {
          const whole = Buffer.from(toBinary(schema, create(schema, init(value))));
          const damaged = repeat ? Buffer.concat([whole, whole]) : whole.subarray(0, Math.max(0, whole.length - cut));
          // Not a Buffer: the library's fields of bytes are of their message's kind.
          const bytes = new Uint8Array(damaged);
          if (bytes.length > 0) bytes[at % bytes.length] = by;
          assert.deepEqual(
            attempt(() => codec.fromBinary(bytes)),
            attempt(() => fromBinary(schema, bytes)),
          );
        }),
        runs,
      );
    });
  }

  const texts = [
    `{"eventId":null}`,
    `{"eventId":"a","eventId":"b"}`,
    `{"eventId":"a","event_id":"b"}`,
    `{"event_id":"a"}`,
    `{"eventId":"a","e\\u0076entId":"b"}`,
    `{"eventId":"a:b"}`,
    `{"eventId":"\\ud800"}`,
    `{"eventId":7}`,
    `{"eventId":"a","nothing":1}`,
    `{"bestAvailable":{"quantity":2},"generalAdmission":{"quantity":2}}`,
    `{"bestAvailable":null}`,
    `{"bestAvailable":{"quantity":"2"}}`,
    `{"bestAvailable":{"quantity":2.5}}`,
    `{"bestAvailable":{"quantity":2e0}}`,
    `{"bestAvailable":{"quantity":-0}}`,
    `{"bestAvailable":{"quantity":2147483648}}`,
    `{"bestAvailable":[]}`,
    `{"namedSeats":{"seats":[{"row":"A","number":1},null]}}`,
    `{"namedSeats":{"seats":{}}}`,
    `{"__proto__":{"eventId":"x"}}`,
    `{"firstAttempt":"true"}`,
    `[]`,
    `null`,
    `"text"`,
    ``,
    `{`,
    ` {"eventId" : "a" } `,
  ];
  for (const text of texts) {
    it(`reads ${text || "nothing"} as the library does`, () => {
      const schema = edge.CreateReservationRequestSchema;
      assert.deepEqual(
        attempt(() => codecOf(schema).fromJsonString(text)),
        attempt(() => fromJsonString(schema, text)),
      );
    });
  }

  it("refuses names that every object has, and no enum, as the library does", () => {
    const schema = edge.ListReservationsRequestSchema;
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      const text = JSON.stringify({ states: [name] });
      const read = attempt(() => codecOf(schema).fromJsonString(text));
      assert.ok("error" in read, `${name} became ${JSON.stringify(read)}`);
      assert.deepEqual(
        read,
        attempt(() => fromJsonString(schema, text)),
      );
    }
  });

  it("says of a value of the wrong type what the library says", () => {
    const schema = edge.CreateReservationRequestSchema;
    for (const wrong of [
      { eventId: 7 },
      { selection: { case: "bestAvailable", value: { quantity: 2.5 } } },
    ] as never[]) {
      assert.deepEqual(
        attempt(() => codecOf(schema).toBinary(wrong)),
        attempt(() => Buffer.from(toBinary(schema, create(schema, wrong)))),
      );
    }
  });

  it("keeps fields that it doesn't know, as the library does", () => {
    const newer = toBinary(
      edge.CheckoutRequestSchema,
      create(edge.CheckoutRequestSchema, { eventId: "e", idempotencyKey: "key" }),
    );
    const schema = edge.GetReservationRequestSchema;
    const read = codecOf(schema).fromBinary(newer);
    assert.equal(read.$unknown?.length, 1);
    assert.deepEqual(Buffer.from(codecOf(schema).toBinary(read)), Buffer.from(newer));
  });

  it("writes large messages, and small ones after them", () => {
    const schema = reservation.CreateReservationsRequestSchema;
    const commands = Array.from({ length: 40_000 }, (_, index) => ({
      eventId: `event ${index}`,
      customerId: "c".repeat(150),
    }));
    for (const large of [{ commands }, { commands: commands.slice(0, 1) }]) {
      assert.deepEqual(codecOf(schema).toBinary(large), Buffer.from(toBinary(schema, create(schema, large))));
    }
  });
});
