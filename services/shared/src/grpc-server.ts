// A gRPC server of generated services: validation, deadlines, typed errors, health, reflection, graceful stop.

import type { DescMethod, DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  Server,
  ServerCredentials,
  status,
  type sendUnaryData,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { grpcServiceDefinition, grpcStatusFromError } from "#stubs";
import { Health } from "#gen/grpc/health/v1/health";
import type { Caller } from "./batcher.ts";
import { addReflection } from "./grpc-reflection.ts";
import type { Logger } from "./logger.ts";
import { durationSecondsBuckets, Histogram, type Registry } from "./metrics.ts";
import { errorFromRefusal, errorFromThrown } from "./status.ts";
import { invalidArgument } from "./validate.ts";

/** What a handler knows of its call. */
export type Call = Caller & {
  /** Aborts when the caller goes away or the deadline passes. Made on first use: hot paths ask `isGone` instead. */
  readonly signal: AbortSignal;
  /** True once the caller has gone away. */
  isGone: () => boolean;
};

/** Answers one unary method; throws ConnectError for what is not an OK answer. */
export type Handler<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
  call: Call,
) => Promise<MessageInitShape<M["output"]>>;

/** One handler for each method of a service, by local name. */
export type Handlers<S extends DescService> = {
  [K in keyof S["method"]]: S["method"][K] extends DescMethodUnary ? Handler<S["method"][K]> : never;
};

/** A service with its handlers. */
export type Implementation = { service: DescService; handlers: Record<string, Handler<DescMethodUnary>> };

/** A listening server. */
export type GrpcServer = {
  /** The port it listens on. */
  port: number;
  /** Tells health checks whether to send requests here. */
  setServing(serving: boolean): void;
  /** Sends GOAWAY, so that new requests go elsewhere, and waits for those in flight. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  abort(): void;
};

/** Bounds of a server. */
export type GrpcServerLimits = {
  /** Milliseconds for a call whose caller set no deadline. */
  timeoutDefaultMs: number;
  /** Largest request, in bytes. */
  requestBytesMax: number;
  /** Most calls at once on one connection. */
  streamsMax: number;
  /** Milliseconds without a word from a client after which it is asked for a sign of life, and until that must have come. */
  keepaliveTimeMs: number;
  keepaliveTimeoutMs: number;
};

// Clients of ours ask for signs of life too, and wait as long for them: whoever asks first, the other's answer counts.
const limitsDefault: GrpcServerLimits = {
  timeoutDefaultMs: 10_000,
  requestBytesMax: 1 << 20,
  streamsMax: 2_000,
  keepaliveTimeMs: 10_000,
  keepaliveTimeoutMs: 5_000,
};

/** Pairs a service with its handlers; the compiler checks that none is missing. */
export function implement<S extends DescService>(service: S, handlers: Handlers<S>): Implementation {
  return { service, handlers: handlers as unknown as Implementation["handlers"] };
}

/** Listens on `port` (0 takes a free one) of `host`. Health says NOT_SERVING until `setServing(true)`. */
export async function startGrpcServer(options: {
  host: string;
  port: number;
  implementations: Implementation[];
  log: Logger;
  metrics: Registry;
  limits?: Partial<GrpcServerLimits>;
}): Promise<GrpcServer> {
  const { host, port, implementations, log, metrics } = options;
  const limits = { ...limitsDefault, ...options.limits };
  const server = new Server({
    "grpc.max_receive_message_length": limits.requestBytesMax,
    "grpc.max_concurrent_streams": limits.streamsMax,
    // A client that went without a word would keep its connection, and its calls would run on for nobody.
    "grpc.keepalive_time_ms": limits.keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
  });
  const durations = new Histogram({
    name: "boxoffice_rpc_server_duration_seconds",
    help: "How long a gRPC call took, by its outcome.",
    labelNames: ["method", "code"],
    buckets: durationSecondsBuckets,
    registers: [metrics],
  });

  for (const { service, handlers } of implementations) {
    const methods: UntypedServiceImplementation = {};
    for (const method of service.methods) {
      methods[method.localName] = serve(method, handlers[method.localName]!, { limits, log, durations });
    }
    server.addService(grpcServiceDefinition(service), methods);
  }
  const names = ["", ...implementations.map(({ service }) => service.typeName)];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, "NOT_SERVING"])));
  health.addToServer(server);
  addReflection(server, [...implementations.map(({ service }) => service), Health]);

  const boundPort = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return {
    port: boundPort,
    setServing: (serving) => names.forEach((name) => health.setStatus(name, serving ? "SERVING" : "NOT_SERVING")),
    drain: () => new Promise((resolve, reject) => server.tryShutdown((error) => (error ? reject(error) : resolve()))),
    abort: () => server.forceShutdown(),
  };
}

type ServeOptions = { limits: GrpcServerLimits; log: Logger; durations: Histogram<"method" | "code"> };

function serve(method: DescMethod, handler: Handler<DescMethodUnary>, { limits, log, durations }: ServeOptions) {
  const path = `${method.parent.typeName}/${method.name}`;
  const observe = (code: number, startedAt: number) =>
    durations.labels(path, status[code] ?? "UNKNOWN").observe((performance.now() - startedAt) / 1000);

  return (grpcCall: ServerUnaryCall<MessageShape<typeof method.input>, object>, reply: sendUnaryData<object>): void => {
    const startedAt = performance.now();
    const call = callOf(grpcCall, limits.timeoutDefaultMs);
    const answer = async () => {
      const refusal = invalidArgument(method.input, grpcCall.request);
      if (refusal) throw errorFromRefusal(refusal);
      return await handler(grpcCall.request, call);
    };
    answer().then(
      (message) => {
        reply(null, message);
        observe(status.OK, startedAt);
      },
      (thrown: unknown) => {
        const error = errorFromThrown(thrown);
        if (error.code === Code.Internal || error.code === Code.Unavailable) {
          log.error({ event: "rpc.failed", method: path, error: thrown });
        }
        reply(grpcStatusFromError(error));
        observe(error.code, startedAt);
      },
    );
  };
}

function callOf(grpcCall: ServerUnaryCall<unknown, unknown>, timeoutDefaultMs: number): Call {
  const deadline = grpcCall.getDeadline();
  const asked = deadline instanceof Date ? deadline.getTime() : deadline;
  const deadlineAtMs = Number.isFinite(asked) ? asked : Date.now() + timeoutDefaultMs;
  let controller: AbortController | undefined;
  return {
    deadlineAtMs,
    isGone: () => grpcCall.cancelled,
    get signal() {
      if (!controller) {
        const made = (controller = new AbortController());
        const abort = () => made.abort(new ConnectError("the caller is gone", Code.Canceled));
        if (grpcCall.cancelled) abort();
        else grpcCall.on("cancelled", abort);
      }
      return controller.signal;
    },
  };
}
