// The suite's service, its unary methods only: we have no streaming ones. Each request says how it is to be answered.
// Source: https://github.com/connectrpc/conformance/blob/main/docs/testing_servers.md

import { setTimeout } from "node:timers/promises";
import { create, type DescMethodUnary, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack, type Any } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { deadlineError } from "../../gateway/src/rpc/errors.ts";
import type { EdgeCall, Invoke } from "../../gateway/src/rpc/pipeline.ts";
import type { Routes } from "../../gateway/src/rpc/routes.ts";
import { queryParams, requestHeaders, setResponseMetadata } from "./exchange.ts";
import {
  ConformancePayload_RequestInfoSchema,
  ConformanceService,
  type ConformancePayload_RequestInfo,
  type ConformancePayloadSchema,
  type Error as ErrorDefinition,
  type IdempotentUnaryRequest,
  type UnaryRequest,
  type UnaryResponseDefinition,
} from "./gen/connectrpc/conformance/v1/service_pb.ts";

/** Returns the routes. The method `Unimplemented` is not among them: the suite wants it missing. */
export function createConformanceRoutes(): Routes {
  const { unary, idempotentUnary } = ConformanceService.method;
  return new Map<DescMethodUnary, Invoke<DescMethodUnary>>([
    [unary, invokeOf(unary)],
    [idempotentUnary, invokeOf(idempotentUnary)],
  ]);
}

// Both methods' messages have the same fields.
function invokeOf(method: DescMethodUnary): Invoke<DescMethodUnary> {
  return async (message, call) => {
    const request = message as UnaryRequest | IdempotentUnaryRequest;
    const payload = await answer(request.responseDefinition, requestInfo(anyPack(method.input, message), call), call);
    return { payload } as MessageInitShape<typeof method.output>;
  };
}

async function answer(
  definition: UnaryResponseDefinition | undefined,
  info: ConformancePayload_RequestInfo,
  { timeoutMs = Infinity }: EdgeCall,
): Promise<MessageInitShape<typeof ConformancePayloadSchema>> {
  if (!definition) return { requestInfo: info };
  const { response, responseHeaders, responseTrailers, responseDelayMs } = definition;
  // As our handlers do: none outlives its caller's deadline.
  await setTimeout(Math.min(responseDelayMs, timeoutMs));
  if (responseDelayMs > timeoutMs) throw deadlineError();
  if (response.case === "error") throw errorFrom(response.value, info, [...responseHeaders, ...responseTrailers]);
  setResponseMetadata(responseHeaders, responseTrailers);
  return { requestInfo: info, ...(response.case === "responseData" && { data: response.value }) };
}

function requestInfo(request: Any, { timeoutMs }: EdgeCall): ConformancePayload_RequestInfo {
  const params = queryParams();
  return create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: requestHeaders(),
    requests: [request],
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.round(timeoutMs)) }),
    ...(params && { connectGetInfo: { queryParams: params } }),
  });
}

function errorFrom(
  { code, message, details }: ErrorDefinition,
  info: ConformancePayload_RequestInfo,
  metadata: { name: string; value: string[] }[],
): ConnectError {
  const headers = metadata.flatMap(({ name, value }) => value.map((one): [string, string] => [name, one]));
  // The suite's codes have Connect's numbers.
  const error = new ConnectError(message ?? "", code as number, headers);
  error.details = [
    ...details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value })),
    { desc: ConformancePayload_RequestInfoSchema, value: info },
  ];
  return error;
}
