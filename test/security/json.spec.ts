// Fields that a request must not have: names that mean something to JavaScript, and fields that only the services give one
// another. Both ways that a call can take through the gateway, and every public method.

import assert from "node:assert/strict";
import { toBinary, type DescMessage, fromJson, type JsonObject, type Message } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { InventoryService, PaymentService, ReservationService, TicketService } from "#stubs";
import { Role } from "#gen/boxoffice/edge/v1/session";
import { fakeEverything } from "../../gateway/test/fakes.ts";
import { post, startTestGateway, tokenFor, ways, type TestGateway } from "../../gateway/test/harness.ts";
import { assertCoversEveryMethod, edgeMethods, fieldsOf, nameOf, wellFormed } from "../support/edge-methods.ts";

const internalNames = namesOf(
  [InventoryService, ReservationService, TicketService, PaymentService].flatMap(({ methods }) =>
    methods.flatMap(({ input, output }) => [input, output]),
  ),
);
const languageNames = ["constructor", "prototype", "toString", "hasOwnProperty", "$typeName", "$unknown", "toJSON"];
// What a request's author might hope for: roles, prices and states are nobody's to send.
const hopedForNames = ["roles", "role", "isAdmin", "price", "unitPrice", "total", "state", "customerId", "customer_id"];
/** May call everything, so that what is refused is refused for its fields. */
const token = tokenFor("oidc:boss", { roles: [Role.ORGANISER, Role.GATE] });
/** An object that a merge without care would put into every other one. */
const pollution = '{"polluted":"yes","roles":["ROLE_ORGANISER"],"customerId":"guest:victim"}';

for (const { way, settings } of ways) {
  describe(`what a request in JSON may not have, by ${way}`, () => {
    let gateway: TestGateway;
    const reached: Message[] = [];

    before(async () => {
      gateway = await startTestGateway(settings);
      fakeEverything(gateway.fakes, async (request) => {
        reached.push(request);
        throw new ConnectError("reached", Code.Unavailable);
      });
    });
    beforeEach(() => (reached.length = 0));
    afterEach(() => {
      for (const name of ["polluted", "roles", "customerId"]) assert.ok(!(name in {}), `${name} is in every object`);
    });
    after(() => gateway.stop());

    const send = (method: string, body: string) => post(gateway.url, method.replace(".", "/"), body, { token });
    const assertRefused = async (method: string, body: string) => {
      const { status, body: answer } = await send(method, body);
      assert.deepEqual([status, answer.code], [400, "invalid_argument"], `${method} took ${body}`);
    };

    it("is all that is wrong with the requests below: each is well-formed without it", async () => {
      assertCoversEveryMethod(wellFormed);
      for (const [method, request] of Object.entries(wellFormed)) {
        const { status, body } = await send(method, JSON.stringify(request));
        assert.notEqual(status, 400, `${method}: ${body.message}`);
      }
    });

    for (const method of edgeMethods) {
      const name = nameOf(method);
      const request = wellFormed[name] ?? {};
      const ownNames = namesOf([method.input]);

      it(`is a __proto__ in ${name}, on any level`, async () => {
        for (const body of withKeyEverywhere(request, `"__proto__":${pollution}`)) await assertRefused(name, body);
        assert.equal(reached.length, 0);
      });

      it(`is a constructor or another name of the language in ${name}, on any level`, async () => {
        for (const key of languageNames) {
          const member = `${JSON.stringify(key)}:{"prototype":${pollution}}`;
          for (const body of withKeyEverywhere(request, member)) await assertRefused(name, body);
        }
        assert.equal(reached.length, 0);
      });

      it(`is a field of ${name} that only services give one another`, async () => {
        const foreign = [...internalNames, ...hopedForNames].filter((each) => !ownNames.includes(each));
        assert.ok(foreign.includes("organiserId"));
        for (const key of foreign) {
          const [body] = withKeyEverywhere(request, `${JSON.stringify(key)}:null`);
          await assertRefused(name, body!);
        }
        assert.equal(reached.length, 0);
      });
    }

    it("is a __proto__ in the message of a GET", async () => {
      const message = encodeURIComponent(`{"__proto__":${pollution}}`);
      const path = "/boxoffice.edge.v1.EventService/ListEvents";
      const response = await fetch(`${gateway.url}${path}?connect=v1&encoding=json&message=${message}`);
      assert.equal(response.status, 400);
      assert.equal(reached.length, 0);
    });
  });

  describe(`unknown fields of a binary request, by ${way}`, () => {
    let gateway: TestGateway;
    const reached: Message[] = [];

    before(async () => {
      gateway = await startTestGateway(settings);
      fakeEverything(gateway.fakes, async (request) => {
        reached.push(request);
        throw new ConnectError("reached", Code.Unavailable);
      });
    });
    after(() => gateway.stop());

    for (const method of edgeMethods) {
      it(`never reach a service through ${nameOf(method)}`, async () => {
        reached.length = 0;
        const request = toBinary(method.input, fromJson(method.input, wellFormed[nameOf(method)] as JsonObject));
        const response = await fetch(`${gateway.url}/${method.parent.typeName}/${method.name}`, {
          method: "POST",
          headers: { "content-type": "application/proto", authorization: `Bearer ${token}` },
          body: Buffer.concat([request, unknownFields(method.input)]),
        });
        assert.notEqual(response.status, 400, "protobuf demands that unknown fields are put up with");
        for (const message of reached) assert.doesNotMatch(inspectable(message), /victim/);
        if (method.parent.name !== "SessionService") assert.ok(reached.length > 0);
      });
    }
  });
}

// The JSON names and the proto names of all fields in some messages.
function namesOf(messages: DescMessage[]): string[] {
  const fields = messages.flatMap((message) => fieldsOf(message));
  return [...new Set(fields.flatMap(({ jsonName, name }) => [jsonName, name]))];
}

// Texts of a request with a member more: in the request itself, and in each object within. A text, since an object literal
// with a __proto__ has none.
function withKeyEverywhere(request: unknown, member: string): string[] {
  const marked = (value: unknown): unknown[] => {
    if (Array.isArray(value)) {
      return value.flatMap((item, index) => marked(item).map((each) => value.with(index, each)));
    }
    if (typeof value !== "object" || value === null) return [];
    const inside = Object.entries(value).flatMap(([key, item]) =>
      marked(item).map((each) => ({ ...value, [key]: each })),
    );
    return [{ ...value, "the member": true }, ...inside];
  };
  return marked(request).map((each) => JSON.stringify(each).replace('"the member":true', member));
}

// Fields that the method does not have, in every number up to 30 that it leaves free.
function unknownFields({ fields }: DescMessage): Uint8Array {
  const writer = new BinaryWriter();
  for (let number = 1; number <= 30; number += 1) {
    if (fields.some((field) => field.number === number)) continue;
    writer.tag(number, WireType.LengthDelimited).string("guest:victim");
  }
  return writer.finish();
}

function inspectable(message: Message): string {
  return JSON.stringify(message, (_, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
  });
}
