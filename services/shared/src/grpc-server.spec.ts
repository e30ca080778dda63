import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { credentials, Client, Metadata } from "@grpc/grpc-js";
import { createGrpcClient, PaymentService, RefusalReason } from "#stubs";
import { startProxy } from "../../../test/support/proxy.ts";
import { CaptureRequestSchema } from "#gen/boxoffice/payment/v1/payment";
import { BadRequestSchema, ErrorInfoSchema } from "#gen/google/rpc/error_details";
import {
  implement,
  startGrpcServer,
  type Call,
  type GrpcServer,
  type GrpcServerLimits,
  type Handlers,
} from "./grpc-server.ts";
import { createLogger } from "./logger.ts";
import { Registry } from "./metrics.ts";
import { createRefusal } from "./refusal.ts";
import { errorFromRefusal } from "./status.ts";

const key = { eventId: "018f0000-0000-7000-8000-000000000001", paymentId: "018f0000-0000-7000-8000-000000000002" };
const inTime = { timeoutMs: 10_000 };

describe("grpc server", () => {
  let server: GrpcServer;
  let metrics: Registry;
  let capture: (call: Call) => Promise<object> = async () => ({});
  const client = () => createGrpcClient(PaymentService, `127.0.0.1:${server.port}`);
  let payment: ReturnType<typeof client>;
  const start = (limits: Partial<GrpcServerLimits>) =>
    startGrpcServer({
      host: "127.0.0.1",
      port: 0,
      implementations: [implement(PaymentService, { ...unused, capture: (_, call) => capture(call) })],
      log: createLogger({ service: "test", level: "silent" }),
      metrics,
      limits,
    });

  beforeEach(async () => {
    metrics = new Registry();
    server = await start({ requestBytesMax: 10_000 });
    payment = client();
  });
  afterEach(() => {
    payment.close();
    server.abort();
  });

  it("answers a typed client", async () => {
    capture = async () => ({ outcome: { outcome: { case: "payment", value: { paymentId: key.paymentId } } } });
    const { outcome } = await payment.capture({ key }, inTime);
    assert.equal(outcome?.outcome.case === "payment" && outcome.outcome.value.paymentId, key.paymentId);
  });

  it("refuses an invalid request before the handler sees it, and names the field", async () => {
    capture = () => assert.fail("the handler was called");
    const error = await errorOf(payment.capture({ key: { ...key, paymentId: "7" } }, inTime));
    assert.equal(error.code, Code.InvalidArgument);
    assert.equal(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field, "key.payment_id");
  });

  it("carries typed details to the client", async () => {
    capture = async () => {
      throw errorFromRefusal(createRefusal(RefusalReason.SOLD_OUT, "sold out", { metadata: { free: "0" } }));
    };
    const error = await errorOf(payment.capture({ key }, inTime));
    assert.equal(error.code, Code.FailedPrecondition);
    const [info] = error.findDetails(ErrorInfoSchema);
    assert.deepEqual([info?.reason, info?.domain, info?.metadata], ["SOLD_OUT", "boxoffice", { free: "0" }]);
  });

  it("hides what went wrong inside, and counts it", async () => {
    capture = async () => {
      throw new Error("password=hunter2");
    };
    const error = await errorOf(payment.capture({ key }, inTime));
    assert.deepEqual([error.code, error.rawMessage], [Code.Internal, "internal error"]);
    assert.match(
      await metrics.metrics(),
      /rpc_server_duration_seconds_count\{method="[^"]*\/Capture",code="INTERNAL"\} 1/,
    );
  });

  it("gives the handler its caller's deadline and tells it when the caller is gone", async () => {
    const seen = new Promise<Call>((resolve) => {
      capture = async (call) => {
        resolve(call);
        await new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason)));
        return {};
      };
    });
    const cancel = new AbortController();
    const sentAtMs = Date.now();
    const failed = errorOf(payment.capture({ key }, { timeoutMs: 5_000, signal: cancel.signal }));
    const call = await seen;
    assert.ok(call.deadlineAtMs > sentAtMs + 3_000 && call.deadlineAtMs < sentAtMs + 7_000);
    assert.equal(call.isGone(), false);
    cancel.abort();
    assert.equal((await failed).code, Code.Canceled);
    await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve()));
    assert.equal(call.isGone(), true);
  });

  it("lets go of a client that went without a word, and tells the handler", async () => {
    metrics = new Registry();
    const hasty = await start({ keepaliveTimeMs: 100, keepaliveTimeoutMs: 500 });
    const proxy = await startProxy();
    proxy.pointTo(hasty.port);
    const silent = createGrpcClient(PaymentService, `127.0.0.1:${proxy.port}`, { "grpc.keepalive_time_ms": 3_600_000 });
    const gone = new Promise<void>((resolve, reject) => {
      capture = async (call) => {
        call.signal.addEventListener("abort", () => resolve());
        proxy.silence("up");
        await gone;
        return {};
      };
      silent.capture({ key }, { timeoutMs: 3_600_000 }).then(
        () => reject(new Error("it was answered")),
        () => {},
      );
    });
    await gone;
    silent.close();
    hasty.abort();
    await proxy.close();
  });

  it("gives a caller without a deadline a default one", async () => {
    let leftMs = 0;
    capture = async (call) => {
      leftMs = call.deadlineAtMs - Date.now();
      return {};
    };
    const raw = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    await new Promise((resolve) =>
      raw.makeUnaryRequest(
        "/boxoffice.payment.v1.PaymentService/Capture",
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        Buffer.from(toBinary(CaptureRequestSchema, create(CaptureRequestSchema, { key }))),
        new Metadata(),
        resolve,
      ),
    );
    raw.close();
    assert.ok(leftMs > 5_000 && leftMs <= 10_000, String(leftMs));
  });

  it("refuses a request beyond its size and lives on", async () => {
    const keys = Array.from({ length: 400 }, () => key);
    assert.equal((await errorOf(payment.getPayments({ keys }, inTime))).code, Code.ResourceExhausted);
    capture = async () => ({});
    await payment.capture({ key }, inTime);
  });

  it("finishes what is in flight when it drains, and takes nothing new", async () => {
    let finish = () => {};
    const started = new Promise<void>((resolve) => {
      capture = async () => {
        resolve();
        await new Promise<void>((done) => (finish = done));
        return {};
      };
    });
    const running = payment.capture({ key }, inTime);
    await started;
    const drained = server.drain();
    assert.equal((await errorOf(payment.capture({ key }, { timeoutMs: 500 }))).code !== Code.Internal, true);
    finish();
    await running;
    await drained;
  });

  it("describes itself to buf curl, by service, by method and with every import", async () => {
    server.setServing(true);
    const buf = (...args: string[]) =>
      promisify(execFile)("node_modules/.bin/buf", ["curl", "--http2-prior-knowledge", "--protocol", "grpc", ...args]);
    const at = `http://127.0.0.1:${server.port}`;
    const listed = await buf(at, "--list-methods");
    assert.match(listed.stdout, /boxoffice\.payment\.v1\.PaymentService\/Capture/);
    capture = async () => ({ outcome: { outcome: { case: "payment", value: { provider: "sandbox" } } } });
    const called = await buf("--data", JSON.stringify({ key }), `${at}/boxoffice.payment.v1.PaymentService/Capture`);
    assert.equal(JSON.parse(called.stdout).outcome.payment.provider, "sandbox");
    const health = await buf(`${at}/grpc.health.v1.Health/Check`);
    assert.equal(JSON.parse(health.stdout).status, "SERVING");
  });
});

const unused = new Proxy({} as Handlers<typeof PaymentService>, {
  get: () => () => assert.fail("not the method under test"),
  ownKeys: () => PaymentService.methods.map(({ localName }) => localName),
  getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
});

async function errorOf(promise: Promise<unknown>): Promise<ConnectError> {
  return await promise.then(
    () => assert.fail("it succeeded"),
    (error: ConnectError) => error,
  );
}
