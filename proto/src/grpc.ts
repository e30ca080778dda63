// Turns a generated service descriptor into what grpc-js needs, for servers and for typed clients.

import type { DescMethod, DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import {
  Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientOptions,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { codecOf } from "./codec/codec.ts";
import { errorFromGrpcStatus } from "./status-details.ts";

/** A unary call's bounds. */
export type CallOptions = {
  /** Milliseconds the call may take, at most. */
  timeoutMs: number;
  /** Cancels the call. */
  signal?: AbortSignal | undefined;
};

/** Takes an init object, returns the response message; throws ConnectError. */
export type UnaryCall<M extends DescMethodUnary> = (
  request: MessageInitShape<M["input"]>,
  options: CallOptions,
) => Promise<MessageShape<M["output"]>>;

/** A typed client: one function per unary method, named as in the descriptor. */
export type GrpcClient<S extends DescService> = {
  [K in keyof S["method"] as S["method"][K] extends DescMethodUnary ? K : never]: S["method"][K] extends DescMethodUnary
    ? UnaryCall<S["method"][K]>
    : never;
} & {
  /** Waits until a connection stands; throws when `deadlineMs` (epoch milliseconds) passes first. */
  waitForReady(deadlineMs: number): Promise<void>;
  /** Closes the channel; running calls finish. */
  close(): void;
};

/** Returns the grpc-js definition of a service's unary methods, keyed by their local names. */
export function grpcServiceDefinition(service: DescService): ServiceDefinition {
  const definition: Record<string, ServiceDefinition[string]> = {};
  for (const method of service.methods) {
    if (!isUnary(method)) throw new Error(`${service.typeName}.${method.name} is not unary`);
    const input = codecOf(method.input);
    const output = codecOf(method.output);
    definition[method.localName] = {
      path: pathOf(method),
      originalName: method.localName,
      requestStream: false,
      responseStream: false,
      requestSerialize: input.toBinary,
      requestDeserialize: input.fromBinary,
      responseSerialize: output.toBinary,
      responseDeserialize: output.fromBinary,
    };
  }
  return definition;
}

// Spreads calls over all addresses of a name. Inside the mesh a name has one address and the proxy balances.
const roundRobin = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/**
 * Returns a typed client of `service` at `target`: `host:port`, any grpc-js target, or several replicas as
 * `ip:port,ip:port`. Plain text unless credentials are given: inside the mesh the proxies encrypt. Retries are off, since
 * one layer retries: the mesh, or the caller.
 */
export function createGrpcClient<S extends DescService>(
  service: S,
  target: string,
  options: ClientOptions & { channelCredentials?: ChannelCredentials } = {},
): GrpcClient<S> {
  const { channelCredentials = credentials.createInsecure(), ...channelOptions } = options;
  const channel = new Client(target.includes(",") ? `ipv4:${target}` : target, channelCredentials, {
    "grpc.enable_retries": 0,
    "grpc.service_config": roundRobin,
    // grpc-js waits up to two minutes before it tries an address again; a restarted replica is back within seconds.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
    // A connection whose other side has gone silent is left within eight seconds, instead of failing every call by its
    // deadline. A busy process may be slow to answer a ping. Also while no call runs, so that the next one need not find out.
    "grpc.keepalive_time_ms": 3_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.keepalive_permit_without_calls": 1,
    ...channelOptions,
  });
  const client: Record<string, unknown> = {
    close: () => channel.close(),
    waitForReady: (deadlineMs: number) =>
      new Promise<void>((resolve, reject) =>
        channel.waitForReady(deadlineMs, (error) => (error ? reject(error) : resolve())),
      ),
  };
  for (const method of service.methods) {
    if (isUnary(method)) client[method.localName] = unaryCall(channel, method);
  }
  return client as GrpcClient<S>;
}

function unaryCall<M extends DescMethodUnary>(channel: Client, method: M): UnaryCall<M> {
  const path = pathOf(method);
  const { toBinary } = codecOf(method.input);
  const { fromBinary } = codecOf(method.output);
  return (request, { timeoutMs, signal }) =>
    new Promise((resolve, reject) => {
      const call = channel.makeUnaryRequest(
        path,
        toBinary,
        fromBinary,
        request,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          signal?.removeEventListener("abort", cancel);
          if (error) reject(errorFromGrpcStatus(error));
          else resolve(response as MessageShape<M["output"]>);
        },
      );
      const cancel = () => call.cancel();
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    });
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function pathOf(method: DescMethodUnary): string {
  return `/${method.parent.typeName}/${method.name}`;
}
