import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { durationFromMs, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { v7 as uuid } from "uuid";
import { BadRequestSchema } from "#gen/google/rpc/error_details";
import { EventState } from "#gen/boxoffice/inventory/v1/inventory";
import { createTestDatabase, type TestDatabase } from "../../../test/support/database.ts";
import {
  best,
  eventRequest,
  hold,
  holdCommand,
  named,
  patient,
  places,
  publishEvent,
  seatedLayout,
  startInventory,
  wordOf,
  type RunningInventory,
} from "./testing/fixture.ts";

const price = { currencyCode: "EUR", amountMinor: 100n };

describe("events", () => {
  let database: TestDatabase;
  let inventory: RunningInventory;

  beforeEach(async () => {
    database = await createTestDatabase();
    inventory = await startInventory(database.urlOf("inventory"));
  });
  afterEach(async () => {
    await inventory.stop();
    await database.drop();
  });

  it("are created as drafts with their defaults, and read back as they were asked for", async () => {
    const request = eventRequest({ customerLimit: 6 });
    const { event } = await inventory.client.createEvent(request, patient);
    assert.deepEqual((await inventory.client.getEvent({ eventId: request.eventId }, patient)).event, event);
    assert.equal(event!.state, EventState.DRAFT);
    assert.deepEqual(event!.saleEndTime, event!.startTime);
    assert.deepEqual(event!.refundUntilTime, event!.startTime);
    assert.equal(event!.holdTtl!.seconds, 600n);
    assert.equal(event!.customerLimit, 6);
    assert.deepEqual(
      event!.areas.map((area) => [area.areaId, area.capacity, area.layout.case, area.price!.amountMinor]),
      [
        ["stalls", 50, "seated", 4_500n],
        ["floor", 50, "generalAdmission", 4_500n],
      ],
    );
  });

  it("keep until when a booking may be given back, and are another event with another such time", async () => {
    const refundUntilTime = timestampFromDate(new Date(Date.UTC(2030, 0, 1)));
    const request = eventRequest({ refundUntilTime });
    assert.deepEqual((await inventory.client.createEvent(request, patient)).event!.refundUntilTime, refundUntilTime);
    await assert.rejects(
      inventory.client.createEvent({ ...request, refundUntilTime: request.startTime! }, patient),
      /different event/,
    );
  });

  it("are created once, however often they are asked for, and not again as something else", async () => {
    const request = eventRequest();
    const answers = await Promise.all(Array.from({ length: 10 }, () => inventory.client.createEvent(request, patient)));
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    await assert.rejects(inventory.client.createEvent({ ...request, name: "Other" }, patient), {
      code: Code.AlreadyExists,
    });
    assert.equal((await inventory.client.getEvent(request, patient)).event!.name, "Concert");
  });

  it("are refused with every field that breaks a rule", async () => {
    const area = (areaId: string, changes: object = {}) => ({
      areaId,
      name: "",
      price,
      layout: seatedLayout([1]),
      ...changes,
    });
    const rows = (...seats: [string, number][]) => ({
      layout: { case: "seated" as const, value: { rows: seats.map(([label, seatCount]) => ({ label, seatCount })) } },
    });
    const many = Array.from({ length: 21 }, (_, index): [string, number] => [`R${index}`, 1_000]);
    const year3000 = timestampFromDate(new Date(Date.UTC(3000, 0, 1)));
    const past = timestampFromDate(new Date(Date.UTC(2001, 0, 1)));
    assert.deepEqual(
      await fieldsOf({ areas: [area("a"), area("a"), area("b", { price: { currencyCode: "USD", amountMinor: 1n } })] }),
      ["areas[1].area_id", "areas[2].price.currency_code"],
    );
    assert.deepEqual(await fieldsOf({ areas: [area("a", rows(["A", 1], ["A", 2]))] }), [
      "areas[0].seated.rows[1].label",
    ]);
    assert.deepEqual(await fieldsOf({ areas: [area("a", rows(...many))] }), ["areas[0].seated.rows"]);
    assert.deepEqual(await fieldsOf({ startTime: year3000 }), ["start_time"]);
    assert.deepEqual(await fieldsOf({ startTime: past }), ["start_time"]);
    assert.deepEqual(await fieldsOf({ startTime: past, saleStartTime: past }), ["start_time"]);
    assert.deepEqual(await fieldsOf({ saleEndTime: past }), ["sale_end_time"]);
    const noCurrency = { currencyCode: "XXQ", amountMinor: 1n };
    assert.deepEqual(await fieldsOf({ areas: [area("a", { price: noCurrency }), area("b", { price: noCurrency })] }), [
      "areas[0].price.currency_code",
      "areas[1].price.currency_code",
    ]);
    assert.deepEqual(await fieldsOf({ refundUntilTime: year3000 }), ["refund_until_time"]);
    assert.deepEqual(await fieldsOf({ areas: [] }), ["areas"]);
    assert.deepEqual(await fieldsOf({ holdTtl: durationFromMs(1) }), ["hold_ttl"]);
  });

  it("are refused in an answer of bounded size, however many fields break a rule", async () => {
    const rows = Array.from({ length: 500 }, () => ({ label: "A", seatCount: 1 }));
    const areas = Array.from({ length: 100 }, (_, index) => ({
      areaId: `a${index}`,
      name: "",
      price,
      layout: { case: "seated" as const, value: { rows } },
    }));
    assert.equal((await fieldsOf({ areas })).length, 20);
    assert.equal((await inventory.client.listEvents({}, patient)).events.length, 0);
  });

  it("are published for good, and sell from then on", async () => {
    const request = eventRequest();
    await inventory.client.createEvent(request, patient);
    assert.equal(wordOf((await hold(inventory, holdCommand(request.eventId)))[0]!), "NOT_FOUND");
    for (let times = 0; times < 2; times += 1) {
      const { event } = await inventory.client.publishEvent(request, patient);
      assert.equal(event!.state, EventState.PUBLISHED);
    }
    assert.equal(wordOf((await hold(inventory, holdCommand(request.eventId)))[0]!), "HELD");
  });

  it("that do not exist are not found", async () => {
    const unknown = { eventId: uuid() };
    await assert.rejects(inventory.client.getEvent(unknown, patient), { code: Code.NotFound });
    await assert.rejects(inventory.client.publishEvent(unknown, patient), { code: Code.NotFound });
    await assert.rejects(inventory.client.getAvailability(unknown, patient), { code: Code.NotFound });
  });

  it("are listed page by page in the order of their start, each once", async () => {
    const day = (number: number) => timestampFromDate(new Date(Date.UTC(2100, 0, 1 + number)));
    const ids: string[] = [];
    for (const start of [3, 1, 2, 2, 0]) ids.push(await publishEvent(inventory, { startTime: day(start) }));
    const seen: string[] = [];
    const starts: number[] = [];
    let pageToken = "";
    do {
      const page = await inventory.client.listEvents({ pageSize: 2, pageToken }, patient);
      seen.push(...page.events.map(({ eventId }) => eventId));
      starts.push(...page.events.map(({ startTime }) => timestampDate(startTime!).getTime()));
      assert.equal(page.events[0]!.areas.length, 2);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    assert.deepEqual(new Set(seen), new Set(ids));
    assert.equal(seen.length, 5);
    assert.deepEqual(starts, starts.toSorted());
  });

  it("are found by a part of their name or venue, where % and _ are letters like any other", async () => {
    await publishEvent(inventory, { name: "100% Jazz", venue: "Blue_Room" });
    await publishEvent(inventory, { name: "1000 Jazz", venue: "BlueXRoom" });
    const found = async (filter: string) => (await inventory.client.listEvents({ filter }, patient)).events.length;
    assert.deepEqual([await found("jazz"), await found("100%"), await found("blue_"), await found("\\")], [2, 1, 1, 0]);
  });

  it("are not looked for by a character that no text can contain", async () => {
    const eventId = await publishEvent(inventory);
    const refused = { code: Code.InvalidArgument };
    await assert.rejects(inventory.client.listEvents({ filter: "Concert\0" }, patient), refused);
    await assert.rejects(inventory.client.getAvailability({ eventId, areaIds: ["floor\0"] }, patient), refused);
  });

  it("are listed with drafts only where asked", async () => {
    await inventory.client.createEvent(eventRequest(), patient);
    assert.equal((await inventory.client.listEvents({}, patient)).events.length, 0);
    assert.equal((await inventory.client.listEvents({ includeDrafts: true }, patient)).events.length, 1);
  });

  it("are listed in smaller pages where their charts are large", async () => {
    const rows = Array.from({ length: 500 }, (_, row) => ({ label: `Row number ${row}`, seatCount: 40 }));
    const areas = Array.from({ length: 80 }, (_, index) => ({
      areaId: `a${index}`,
      name: "",
      price,
      layout: { case: "seated" as const, value: { rows } },
    }));
    for (let times = 0; times < 3; times += 1) await publishEvent(inventory, { areas });
    const { events, nextPageToken } = await inventory.client.listEvents({}, patient);
    assert.ok(events.length === 2);
    const rest = await inventory.client.listEvents({ pageToken: nextPageToken }, patient);
    assert.ok(rest.events.length >= 1);
  });

  it("are not listed by a token of another make", async () => {
    for (const pageToken of [
      "nonsense",
      Buffer.from("9999999999999999/x").toString("base64url"),
      tokenOf("9999999999999999"),
    ]) {
      await assert.rejects(inventory.client.listEvents({ pageToken }, patient), { code: Code.InvalidArgument });
    }
  });

  it("show what is left, seat by seat, and a sequence that grows with every change", async () => {
    const eventId = await publishEvent(inventory);
    const one = holdCommand(eventId, named(["A", 2], ["B", 25]));
    await hold(inventory, one, holdCommand(eventId, places(7)), holdCommand(eventId, best(1)));
    const { key } = { key: { eventId, holdId: one.holdId } };
    await inventory.client.confirmHolds({ keys: [key] }, patient);
    const { state, areas } = await inventory.client.getAvailability({ eventId }, patient);
    assert.equal(state, EventState.PUBLISHED);
    assert.deepEqual(
      areas.map(({ areaId, capacity, free, held, sold, blocked }) => [areaId, capacity, free, held, sold, blocked]),
      [
        ["stalls", 50, 47, 1, 2, 0],
        ["floor", 50, 43, 7, 0, 0],
      ],
    );
    const [stalls] = areas;
    assert.deepEqual(
      stalls!.rows.map(({ label, seats }) => [label, seats]),
      [
        ["A", `HS${"F".repeat(23)}`],
        ["B", `${"F".repeat(24)}S`],
      ],
    );
    await inventory.client.releaseHolds({ commands: [{ key, confirmedToo: true }] }, patient);
    const later = await inventory.client.getAvailability({ eventId, areaIds: ["stalls", "nowhere"] }, patient);
    assert.equal(later.areas.length, 1);
    assert.ok(later.areas[0]!.sequence > stalls!.sequence);
    assert.equal(later.areas[0]!.free, 49);
  });

  async function fieldsOf(changes: Parameters<typeof eventRequest>[0]): Promise<string[]> {
    const error = await inventory.client.createEvent(eventRequest(changes), patient).then(
      () => assert.fail("the event was created"),
      (thrown: unknown) => ConnectError.from(thrown),
    );
    assert.equal(error.code, Code.InvalidArgument);
    return error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field));
  }
});

function tokenOf(startTimeMs: string): string {
  return Buffer.from(`${startTimeMs}/01a1fd6a-7cb8-74a8-9709-5a78675c9f80`).toString("base64url");
}
