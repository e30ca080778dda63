// The client's deadline, capped before Connect reads it: Connect refuses a timeout above its maximum, and a timer beyond
// 2^31 ms fires at once, so that a patient client would be told DEADLINE_EXCEEDED.
// Sources: https://connectrpc.com/docs/protocol and https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

import type { IncomingHttpHeaders } from "node:http";

const msOfUnit: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/** Lowers `connect-timeout-ms` and `grpc-timeout` to `timeoutMaxMs`, in place. Malformed ones stay, for Connect to refuse. */
export function capTimeoutHeaders(headers: IncomingHttpHeaders, timeoutMaxMs: number): void {
  const connect = headers["connect-timeout-ms"];
  if (typeof connect === "string" && /^\d{1,10}$/.test(connect) && Number(connect) > timeoutMaxMs) {
    headers["connect-timeout-ms"] = String(timeoutMaxMs);
  }
  const grpc = headers["grpc-timeout"];
  const [, amount, unit] = typeof grpc === "string" ? (/^(\d{1,8})([HMSmun])$/.exec(grpc) ?? []) : [];
  if (amount && unit && Number(amount) * msOfUnit[unit]! > timeoutMaxMs) headers["grpc-timeout"] = `${timeoutMaxMs}m`;
}
