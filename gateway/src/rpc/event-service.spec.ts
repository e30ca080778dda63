import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { RefusalReason } from "#stubs";
import { EventService, EventState } from "#gen/boxoffice/edge/v1/event";
import { EventState as InternalState } from "#gen/boxoffice/inventory/v1/inventory";
import { createRefusal } from "#shared/refusal";
import { errorFromRefusal } from "#shared/status";
import { clientOf, organiserToken, post, startTestGateway, type TestGateway } from "../../test/harness.ts";
import { eventId, eventOf } from "../../test/messages.ts";

describe("EventService at the edge", () => {
  let gateway: TestGateway;
  const anybody = () => clientOf(EventService, gateway.url);
  const organiser = () => clientOf(EventService, gateway.url, { token: organiserToken("oidc:boss") });

  before(async () => (gateway = await startTestGateway()));
  after(() => gateway.stop());

  it("creates an event for the organiser who asks, and names nameless areas by their id", async () => {
    gateway.fakes.inventory.handlers.createEvent = async ({ organiserId, areas, eventId, name }) => {
      assert.deepEqual(
        [organiserId, eventId, name],
        ["oidc:boss", "01890a5d-ac96-774b-bcce-b302099a8057", "Test Night"],
      );
      assert.deepEqual(
        areas.map(({ name, layout }) => [name, layout.case]),
        [
          ["stalls", "seated"],
          ["Standing", "generalAdmission"],
        ],
      );
      return { event: eventOf(InternalState.DRAFT) };
    };
    const price = { currencyCode: "EUR", amountMinor: 100n };
    const rows = [{ label: "A", seatCount: 10 }];
    const { event } = await organiser().createEvent({
      eventId,
      name: "Test Night",
      startTime: timestampFromMs(1_790_000_000_000),
      areas: [
        { areaId: "stalls", price, layout: { case: "seated", value: { rows } } },
        { areaId: "floor", name: "Standing", price, layout: { case: "generalAdmission", value: { capacity: 5 } } },
      ],
    });
    assert.equal(event?.state, EventState.DRAFT);
    assert.equal(event.areas[0]?.capacity, 10);
    assert.ok(!("organiserId" in event));
  });

  it("publishes", async () => {
    gateway.fakes.inventory.handlers.publishEvent = async () => ({ event: eventOf() });
    assert.equal((await organiser().publishEvent({ eventId })).event?.state, EventState.PUBLISHED);
  });

  it("hides drafts from everybody but organisers, as if they were not there", async () => {
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf(InternalState.DRAFT) });
    gateway.fakes.inventory.handlers.getAvailability = async () => ({ eventId, state: InternalState.DRAFT, areas: [] });
    const notFound = (error: unknown) => ConnectError.from(error).code === Code.NotFound;
    await assert.rejects(anybody().getEvent({ eventId }), notFound);
    await assert.rejects(anybody().getAvailability({ eventId }), notFound);
    assert.equal((await organiser().getEvent({ eventId })).event?.state, EventState.DRAFT);
    assert.equal((await organiser().getAvailability({ eventId })).eventId, eventId);
    const draft = await post(gateway.url, "EventService/GetEvent", { eventId });
    gateway.fakes.inventory.handlers.getEvent = () =>
      Promise.reject(errorFromRefusal(createRefusal(RefusalReason.NOT_FOUND, "inventory has no event 7")));
    assert.deepEqual((await post(gateway.url, "EventService/GetEvent", { eventId })).body, draft.body);
  });

  it("lists drafts for organisers only", async () => {
    const asked: boolean[] = [];
    gateway.fakes.inventory.handlers.listEvents = async ({ includeDrafts, filter }) => {
      asked.push(includeDrafts);
      return { events: [eventOf()], nextPageToken: filter };
    };
    assert.equal((await anybody().listEvents({ filter: "x" })).nextPageToken, "x");
    assert.equal((await organiser().listEvents({})).events[0]?.eventId, eventId);
    assert.deepEqual(asked, [false, true]);
  });

  it("shows what is left, zeros included, to a client without the schema", async () => {
    const area = { areaId: "stalls", capacity: 3, free: 3, sequence: 7n, rows: [{ label: "A", seats: "FFF" }] };
    gateway.fakes.inventory.handlers.getAvailability = async () => ({
      eventId,
      state: InternalState.PUBLISHED,
      areas: [area],
    });
    const { body } = await post(gateway.url, "EventService/GetAvailability", { eventId });
    assert.deepEqual(body.areas, [{ ...area, sequence: "7", held: 0, sold: 0, blocked: 0 }]);
  });

  it("lets caches keep what everybody may see, and nothing else", async () => {
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
    const message = encodeURIComponent(JSON.stringify({ eventId }));
    const get = (headers: Record<string, string> = {}, method = "EventService/GetEvent") =>
      fetch(`${gateway.url}/boxoffice.edge.v1.${method}?encoding=json&message=${message}`, { headers });
    const open = await get();
    assert.deepEqual([open.status, open.headers.get("cache-control")], [200, "public, max-age=1"]);
    assert.match(open.headers.get("vary") ?? "", /Origin, Authorization/);
    const withSession = await get({ authorization: `Bearer ${organiserToken()}` });
    assert.deepEqual([withSession.status, withSession.headers.get("cache-control")], [200, "no-store"]);
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf(InternalState.DRAFT) });
    const hidden = await get();
    assert.deepEqual([hidden.status, hidden.headers.get("cache-control")], [404, "no-store"]);
    assert.equal((await get({}, "EventService/PublishEvent")).status, 405);
  });

  it("numbers the states as inventory does", () => {
    assert.deepEqual(EventState, InternalState);
  });
});
