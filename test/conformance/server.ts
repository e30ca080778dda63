// The server under test: the gateway's HTTP code in front of the suite's service. `connectconformance` starts one for each
// combination of features, writes what it wants on standard input and reads where to find it on standard output.
// Argument: `lean` or `router`.

import { fromBinary, toBinary, create } from "@bufbuild/protobuf";
import { createLogger } from "#shared/logger";
import { createClientAddress } from "../../gateway/src/http/client-address.ts";
import { createConnectHandler } from "../../gateway/src/http/connect-handler.ts";
import { createCors } from "../../gateway/src/http/cors.ts";
import { startHttpServer } from "../../gateway/src/http/http-server.ts";
import type { MethodPolicy } from "../../gateway/src/policy.ts";
import { createConformanceRoutes } from "./conformance-service.ts";
import { withExchange } from "./exchange.ts";
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.ts";

const host = "127.0.0.1";
const wanted = fromBinary(ServerCompatRequestSchema, await readSizedMessage());
const policy: MethodPolicy = {
  access: "public",
  limits: [],
  priority: "browsing",
  timeoutDefaultMs: 10_000,
  bodyBytesMax: wanted.messageReceiveLimit || 1024 * 1024,
};
const server = await startHttpServer({
  host,
  port: 0,
  limits: {
    connectionsMax: 1_000,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 15_000,
    exchangeTimeoutMs: 60_000,
    idleTimeoutMs: 65_000,
    headersBytesMax: 16 * 1024,
    streamsMax: 250,
  },
  listener: withExchange(
    createConnectHandler({
      routes: createConformanceRoutes(),
      policyOf: () => policy,
      cors: createCors([]),
      clientAddress: createClientAddress([]),
      limits: { take: () => 0 },
      metrics: {
        requestsOf: () => () => {},
        rateLimited: () => {},
        turnedAway: () => {},
        connectionRefused: () => {},
      },
      log: createLogger({ service: "conformance", level: "silent" }),
      timeoutMaxMs: 30_000,
      bodiesBytesMax: 64 * 1024 * 1024,
      isLean: process.argv[2] === "lean",
    }),
  ),
  onConnectionRefused: () => {},
});
process.once("SIGTERM", () => process.exit(0));
const answer = toBinary(ServerCompatResponseSchema, create(ServerCompatResponseSchema, { host, port: server.port }));
const size = Buffer.alloc(4);
size.writeUInt32BE(answer.length);
process.stdout.write(Buffer.concat([size, answer]));

async function readSizedMessage(): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of process.stdin) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE())
      return bytes.subarray(4, 4 + bytes.readUInt32BE());
  }
  throw new Error("standard input ended before the whole message had come");
}
