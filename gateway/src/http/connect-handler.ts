// Serves the routes over HTTP in the protocols of Connect: Connect (JSON, binary, GET), gRPC and gRPC-Web.
//
// connectNodeAdapter is not used, for three reasons: a malformed Host header throws in it, outside every try, and ends the
// process; bodies beyond the limit are 429 or a cut connection; malformed binary messages are 500.

import { createRegistry, type DescMethodUnary } from "@bufbuild/protobuf";
import {
  Code,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { createAsyncIterable, type UniversalHandler } from "@connectrpc/connect/protocol";
import type { Logger } from "#shared/logger";
import type { EdgeMetrics } from "../edge-metrics.ts";
import type { Limits } from "../limits/limits.ts";
import { createLogThrottle } from "#shared/log-throttle";
import type { Admission, Gate } from "../overload/admission.ts";
import type { MethodPolicy } from "../policy.ts";
import type { Invoke } from "../rpc/pipeline.ts";
import type { Routes } from "../rpc/routes.ts";
import type { ClientAddress } from "./client-address.ts";
import { compressMinBytes } from "./compression.ts";
import type { Cors } from "./cors.ts";
import { isGrpc } from "./is-grpc.ts";
import { jsonReadOptions, jsonWriteOptions } from "./json-options.ts";
import { answerLean, decodeLean, leanCallOf, replyLeanError, type LeanCall } from "./lean-unary.ts";
import { createBodyReader, type HttpRequest } from "./read-body.ts";
import { refuseEarly } from "./refuse-early.ts";
import { replyError, replyToUnknownPath, type ErrorReply, type HttpResponse } from "./replies.ts";
import { capTimeoutHeaders } from "./timeout-headers.ts";
import { webhooksPath, type WebhookListener } from "./webhooks.ts";

/** Answers requests of either HTTP version; never throws. */
export type RequestListener = (request: HttpRequest, response: HttpResponse) => void;

type Exchange = { address: string; signal: AbortSignal; reachedMethod: boolean };
type Endpoint = {
  method: DescMethodUnary;
  invoke: Invoke<DescMethodUnary>;
  policy: MethodPolicy;
  gate: Gate | undefined;
  /** The router's way to the same method. */
  handle: UniversalHandler;
};

/** What gRPC puts before a message: whether it is compressed, and its length. */
const grpcFrameBytes = 5;

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

/** Returns the listener. */
export function createConnectHandler(options: {
  routes: Routes;
  policyOf: (method: DescMethodUnary) => MethodPolicy;
  /** Says before a body is read that there is no room; without it the pipeline does. */
  gateOf?: Admission["gateOf"];
  /** Answers what is no call but a provider's webhook. */
  webhooks?: WebhookListener;
  cors: Cors;
  clientAddress: ClientAddress;
  limits: Limits;
  metrics: EdgeMetrics;
  log: Logger;
  timeoutMaxMs: number;
  /** Most bytes of bodies that have not arrived in full. */
  bodiesBytesMax: number;
  /** Whether plain unary calls take the lean way; the router serves them as well. */
  isLean: boolean;
}): RequestListener {
  const { routes, policyOf, cors, clientAddress, limits, metrics, log, timeoutMaxMs, isLean } = options;
  const endpoints = createEndpoints(routes, policyOf, options.gateOf);
  const readBody = createBodyReader(options.bodiesBytesMax);
  const throttle = createLogThrottle(1_000);

  async function serve(endpoint: Endpoint, request: HttpRequest, response: HttpResponse): Promise<void> {
    const { handle, policy } = endpoint;
    const address = clientAddress(request.socket?.remoteAddress, request.headers["x-forwarded-for"]);
    const frameBytes = isGrpc(request) ? grpcFrameBytes : 0;
    const body = await readBody(request, policy.bodyBytesMax + frameBytes);
    if (body.kind === "gone") return void response.destroy();
    if (body.kind !== "read") {
      const refusal = (await overLimit(address)) ?? (body.kind === "tooLarge" ? tooLarge(policy) : crowdedOut);
      metrics.turnedAway(refusal.status);
      return replyError(request, response, refusal);
    }
    const lean = isLean ? leanCallOf(request, response) : undefined;
    if (lean) return await serveLean(endpoint, lean, body.bytes, address);
    capTimeoutHeaders(request.headers, timeoutMaxMs);
    const universal = universalRequestFromNodeRequest(request, response, undefined, undefined);
    const exchange: Exchange = { address, signal: universal.signal, reachedMethod: false };
    const contextValues = createContextValues().set(exchangeKey, exchange);
    const answer = await handle({ ...universal, contextValues, body: createAsyncIterable([body.bytes]) });
    if (!exchange.reachedMethod) {
      const refusal = (await overLimit(address)) ?? refusalOf(answer.status, policy);
      metrics.turnedAway(refusal?.status ?? answer.status);
      if (refusal) return replyError(request, response, refusal);
    }
    await universalResponseToNodeResponse(answer, response);
  }

  async function serveLean(endpoint: Endpoint, call: LeanCall, body: Uint8Array, address: string): Promise<void> {
    call.address = address;
    const decoded = decodeLean(endpoint.method, call, body);
    if (decoded.kind === "decoded") return await answerLean(endpoint, call, decoded.message);
    const refusal = await overLimit(address);
    metrics.turnedAway(refusal?.status ?? 400);
    if (refusal) replyError(call.request, call.response, refusal);
    else replyLeanError(call, decoded.error);
  }

  // Calls that can't be decoded never reach the pipeline, and count against their address as well.
  async function overLimit(address: string): Promise<ErrorReply | undefined> {
    const retryAfterMs = await limits.take("address", address);
    if (retryAfterMs === 0) return undefined;
    metrics.rateLimited("address");
    return { status: 429, code: Code.ResourceExhausted, message: "too many requests", retryAfterMs };
  }

  return (request, response) => {
    // Without listeners a connection that breaks would end the process; whoever reads or writes learns of it by `close`.
    request.on("error", ignore);
    response.on("error", ignore);
    if (cors(request, response)) return;
    const path = (request.url ?? "").split("?", 1)[0]!;
    const endpoint = endpoints.get(path);
    if (!endpoint) {
      if (options.webhooks && path.startsWith(webhooksPath)) return options.webhooks(request, response);
      if (path !== "/") metrics.turnedAway(404);
      request.resume();
      return replyToUnknownPath(request, response, path);
    }
    const { gate, policy } = endpoint;
    if (isLean && gate && refuseEarly(gate, policy.timeoutDefaultMs, request, response)) return;
    serve(endpoint, request, response).catch((error: unknown) => {
      throttle((suppressed) => log.debug({ event: "http.request_failed", error, suppressed }));
      metrics.turnedAway(400);
      replyError(request, response, { status: 400, code: Code.InvalidArgument, message: "the request is malformed" });
    });
  };
}

function ignore(): void {}

// Connect could not make a message of the request, and its answer is wrong or empty: it says 429 of a body that is too large
// once inflated and 500 of malformed binary, both the client's doing, and nothing at all with 405 and 415.
function refusalOf(status: number, policy: MethodPolicy): ErrorReply | undefined {
  switch (status) {
    case 429:
      return tooLarge(policy);
    case 500:
      return { status: 400, code: Code.InvalidArgument, message: "the request can't be decoded" };
    case 405:
      return { status, code: Code.Unknown, message: "use POST; GET serves methods without side effects only" };
    case 415:
      return {
        status,
        code: Code.Unknown,
        message: "POST with content-type: application/json, or GET with ?encoding=json&message={…}",
      };
    default:
      return undefined;
  }
}

function tooLarge({ bodyBytesMax }: MethodPolicy): ErrorReply {
  return { status: 413, code: Code.ResourceExhausted, message: `the request is larger than ${bodyBytesMax} bytes` };
}

const crowdedOut: ErrorReply = {
  status: 429,
  code: Code.ResourceExhausted,
  message: "the request took too long to arrive while others waited",
  retryAfterMs: 1_000,
};

function createEndpoints(
  routes: Routes,
  policyOf: (method: DescMethodUnary) => MethodPolicy,
  gateOf: Admission["gateOf"] | undefined,
): Map<string, Endpoint> {
  const router = createConnectRouter({
    requireConnectProtocolHeader: false,
    // Not brotli, whose default quality costs a hundred times what gzip does.
    acceptCompression: [compressionGzip],
    compressMinBytes,
    jsonOptions: {
      ...jsonReadOptions,
      ...jsonWriteOptions,
      // A google.protobuf.Any may hold whatever the API's own files define.
      registry: createRegistry(...[...routes.keys()].map(({ parent }) => parent.file)),
    },
  });
  for (const [method, invoke] of routes) {
    const policy = policyOf(method);
    router.rpc(method, implementation(policy, invoke), { readMaxBytes: policy.bodyBytesMax });
  }
  return new Map(
    router.handlers.map((handle) => {
      const method = handle.method as DescMethodUnary;
      const policy = policyOf(method);
      return [handle.requestPath, { method, invoke: routes.get(method)!, policy, gate: gateOf?.(policy), handle }];
    }),
  );
}

function implementation({ cacheControl }: MethodPolicy, invoke: Invoke<DescMethodUnary>) {
  return async (message: Parameters<typeof invoke>[0], context: HandlerContext) => {
    const exchange = context.values.get(exchangeKey)!;
    exchange.reachedMethod = true;
    const authorization = context.requestHeader.get("authorization");
    const isGet = context.requestMethod === "GET";
    // Set before the call, for refusals too: a cache may keep a 404 that says nothing of it.
    if (isGet) {
      context.responseHeader.set("cache-control", "no-store");
      context.responseHeader.set("vary", "Origin, Authorization, Accept-Encoding");
    }
    const answer = await invoke(message, {
      address: exchange.address,
      authorization,
      timeoutMs: context.timeoutMs(),
      // Not the context's, which also aborts at the deadline: the call would be cancelled a moment before it is late.
      isGone: () => exchange.signal.aborted,
      signal: exchange.signal,
    });
    if (isGet && cacheControl !== undefined && authorization === null) {
      context.responseHeader.set("cache-control", cacheControl);
    }
    return answer;
  };
}
