import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { RefusalReason } from "#stubs";
import { ReservationService } from "#gen/boxoffice/edge/v1/reservation";
import { ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details";
import { createRefusal } from "#shared/refusal";
import { clientOf, post, startTestGateway, tokenFor, until, ways, type TestGateway } from "../../test/harness.ts";
import { eventId, eventOf, held, reservationId, wish, wishJson } from "../../test/messages.ts";
import { edgeErrorFromRefusal } from "../rpc/errors.ts";
import { retryDelaysMs } from "./retry-delays.ts";

const floor = 4;
const settings = { QUEUE_WAIT_MS: "20", IN_FLIGHT_MIN: String(floor), IN_FLIGHT_MAX: "1000" };
const token = tokenFor("guest:1");
const key = { eventId, reservationId };
const payment = { ...key, paymentMethodToken: "tok_approve", idempotencyKey: "k" };

for (const { way, settings: waySettings } of ways) {
  describe(`a gateway before a slow reservation service, by ${way}`, () => {
    let gateway: TestGateway;
    let release: () => void;
    let accepted: ReturnType<typeof reserve>[];

    const reserve = (headers: Record<string, string> = {}) =>
      post(gateway.url, "ReservationService/CreateReservation", wishJson, { token, headers });

    // As many reservations hang as are always let in, and the gateway has noticed that nothing moves.
    beforeEach(async () => {
      gateway = await startTestGateway({ ...settings, ...waySettings });
      const { handlers } = gateway.fakes.reservation;
      const released = new Promise<void>((resolve) => (release = resolve));
      handlers.createReservations = async ({ commands }) => {
        await released;
        return { outcomes: commands.map(() => held()) };
      };
      handlers.checkout = async () => ({ outcome: held(), paymentId: "p1" });
      handlers.cancelReservation = async () => ({ outcome: held() });
      handlers.getReservation = async () => ({ outcome: held() });
      gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
      accepted = Array.from({ length: floor }, () => reserve());
      await until("the queue is at its floor", async () =>
        (await metricsOf(gateway)).includes(`boxoffice_edge_queue_requests_max{queue="reservations"} ${floor}\n`),
      );
    });
    afterEach(async () => {
      release();
      await Promise.all(accepted);
      await gateway.stop();
    });

    it("refuses reservations at once, while those before them still wait", async () => {
      const refused = await reserve();
      assert.equal(refused.status, 429);
      assert.equal(refused.body.details[0].debug.reason, "OVERLOADED");
      const text = await metricsOf(gateway);
      assert.match(text, /boxoffice_edge_shed_total\{priority="reserving",reason="wait"\} 1\n/);
      assert.match(text, new RegExp(`boxoffice_edge_queue_requests\\{queue="reservations"\\} ${floor}\n`));
    });

    it("lets those through who pay, cancel or look at what they have, and who browse what is not slow", async () => {
      assert.equal((await reserve()).status, 429);
      const asked = await Promise.all([
        post(gateway.url, "ReservationService/Checkout", payment, { token }),
        post(gateway.url, "ReservationService/CancelReservation", key, { token }),
        post(gateway.url, "ReservationService/GetReservation", key, { token }),
        post(gateway.url, "EventService/GetEvent", { eventId }),
      ]);
      assert.deepEqual(
        asked.map(({ status }) => status),
        [200, 200, 200, 200],
      );
    });

    it("takes reservations again when the service has recovered", async () => {
      assert.equal((await reserve()).status, 429);
      release();
      assert.deepEqual(
        (await Promise.all(accepted)).map(({ status }) => status),
        Array(floor).fill(200),
      );
      await until("a reservation is taken", async () => (await reserve()).status === 200);
      await until("the queue takes more than its floor", async () => {
        const most = /queue_requests_max\{queue="reservations"\} (\d+)/.exec(await metricsOf(gateway))![1];
        return Number(most) > floor;
      });
    });

    it("writes every refusal as Connect's own code does", async () => {
      for (let turn = 0; turn < 10; turn++) {
        const { status, headers, body } = await reserve();
        assert.equal(status, 429);
        const delayMs = Number.parseFloat(body.details[1].debug.retryDelay) * 1_000;
        assert.ok(retryDelaysMs.includes(delayMs), `${delayMs}`);
        const refusal = createRefusal(RefusalReason.OVERLOADED, "the system is busy", { retryAfterMs: delayMs });
        const written = errorToJsonBytes(edgeErrorFromRefusal(refusal), { alwaysEmitImplicit: true });
        assert.deepEqual(body, JSON.parse(Buffer.from(written).toString()));
        assert.equal(headers.get("content-type"), "application/json");
        assert.equal(headers.get("retry-after"), String(Math.ceil(delayMs / 1_000)));
      }
    });

    it("tells typed clients of every protocol when to come back", async () => {
      for (const protocol of ["Connect, JSON, HTTP/1.1", "Connect, binary, HTTP/1.1", "gRPC, HTTP/2"] as const) {
        const buyer = clientOf(ReservationService, gateway.url, { token, protocol });
        const error = ConnectError.from(await buyer.createReservation(wish).catch((thrown: unknown) => thrown));
        assert.equal(error.code, Code.ResourceExhausted, protocol);
        assert.equal(error.findDetails(ErrorInfoSchema)[0]?.reason, "OVERLOADED", protocol);
        assert.ok(error.findDetails(RetryInfoSchema)[0]?.retryDelay, protocol);
      }
    });
  });
}

describe("a gateway that refuses early", () => {
  let gateway: TestGateway;
  let release: () => void;
  let accepted: Promise<unknown>;
  before(async () => {
    gateway = await startTestGateway({ IN_FLIGHT_MAX: "1" });
    const released = new Promise<void>((resolve) => (release = resolve));
    let started = false;
    gateway.fakes.reservation.handlers.checkout = async () => {
      started = true;
      await released;
      return { outcome: held() };
    };
    accepted = post(gateway.url, "ReservationService/Checkout", payment, { token });
    await until("it runs", () => started);
  });
  after(async () => {
    release();
    await accepted;
    await gateway.stop();
  });

  it("answers before the body has arrived, discards it, and serves on over the same connection", async () => {
    const socket = connect(gateway.port, "127.0.0.1").setEncoding("utf8");
    await once(socket, "connect");
    let received = "";
    socket.on("data", (text: string) => (received += text));
    const answers = () => received.split("HTTP/1.1 429 ").length - 1;
    const body = JSON.stringify({ ...wishJson, padding: " ".repeat(60_000) });
    const head = `POST /boxoffice.edge.v1.ReservationService/CreateReservation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    for (const turn of [1, 2, 3]) {
      socket.write(head);
      await until("it is refused", () => answers() === turn && received.endsWith("}"));
      socket.write(body);
    }
    assert.ok(!/connection: close/i.test(received));
    socket.destroy();
  });

  it("refuses whoever asks, with a session or without, and says nothing else", async () => {
    for (const options of [{}, { token }, { token: "forged" }]) {
      const { status, body } = await post(gateway.url, "ReservationService/CreateReservation", "{", options);
      assert.deepEqual([status, body.details[0].debug.reason], [429, "OVERLOADED"]);
    }
  });

  it("tells whoever sends a malformed timeout what is wrong with it, as where there is room", async () => {
    for (const timeout of ["soon", "", "-1", "1e3", "0x10", "12345678901"]) {
      const headers = { "connect-timeout-ms": timeout };
      const { status, body } = await post(gateway.url, "EventService/GetEvent", { eventId }, { headers });
      assert.deepEqual([timeout, status, body.code], [timeout, 400, "invalid_argument"]);
    }
  });

  it("shows its answers to web pages that may call", async () => {
    const own = await startTestGateway({ IN_FLIGHT_MAX: "1", CORS_ORIGINS: "https://shop.example" }, gateway.fakes);
    let started = false;
    gateway.fakes.inventory.handlers.getEvent = async () => {
      started = true;
      await new Promise<void>((resolve) => void accepted.then(() => resolve()));
      return { event: eventOf() };
    };
    const browsing = post(own.url, "EventService/GetEvent", { eventId });
    await until("it runs", () => started);
    const headers = { origin: "https://shop.example" };
    const refused = await post(own.url, "EventService/GetEvent", { eventId }, { headers });
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get("access-control-allow-origin"), "https://shop.example");
    assert.match(refused.headers.get("access-control-expose-headers") ?? "", /retry-after/);
    release();
    assert.equal((await browsing).status, 200);
    await own.stop();
  });
});

async function metricsOf(gateway: TestGateway): Promise<string> {
  return await (await fetch(`${gateway.adminUrl}/metrics`)).text();
}
