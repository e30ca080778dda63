// The servers under test: the gateway's HTTP code in front of the suite's service, a server for each combination of features.
// `connectconformance` waits ten seconds for a server's process, in which a busy machine does not compile the gateway. So this
// process, which runs before the suite does, has all of them: what the suite starts is bridge.js, which connects to here.
// What the suite wants comes over that connection, where to find the server goes back, and the server ends with it.
// Setting: WAY, `lean` or `router`.

import { createServer, type AddressInfo, type Socket } from "node:net";
import { fromBinary, toBinary, create } from "@bufbuild/protobuf";
import { createLogger } from "#shared/logger";
import { createClientAddress } from "../../gateway/src/http/client-address.ts";
import { createConnectHandler } from "../../gateway/src/http/connect-handler.ts";
import { createCors } from "../../gateway/src/http/cors.ts";
import { startHttpServer, type HttpServer } from "../../gateway/src/http/http-server.ts";
import type { MethodPolicy } from "../../gateway/src/policy.ts";
import { createConformanceRoutes } from "./conformance-service.ts";
import { withExchange } from "./exchange.ts";
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
  type ServerCompatRequest,
} from "./gen/connectrpc/conformance/v1/server_compat_pb.ts";

const host = "127.0.0.1";
const isLean = process.env["WAY"] === "lean";

const bridges = createServer((bridge) => {
  bridge.on("error", () => bridge.destroy());
  void serveOne(bridge).catch((error: unknown) => {
    console.error(error);
    bridge.destroy();
  });
});
bridges.listen(0, host, () => {
  console.log(JSON.stringify({ ports: { http: (bridges.address() as AddressInfo).port } }));
});
process.once("SIGTERM", () => process.exit(0));

async function serveOne(bridge: Socket): Promise<void> {
  const server = await startServer(fromBinary(ServerCompatRequestSchema, await readSizedMessage(bridge)));
  bridge.once("close", () => server.abort()).resume();
  const answer = toBinary(ServerCompatResponseSchema, create(ServerCompatResponseSchema, { host, port: server.port }));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(answer.length);
  bridge.write(Buffer.concat([size, answer]));
}

function startServer(wanted: ServerCompatRequest): Promise<HttpServer> {
  const policy: MethodPolicy = {
    access: "public",
    limits: [],
    priority: "browsing",
    timeoutDefaultMs: 10_000,
    bodyBytesMax: wanted.messageReceiveLimit || 1024 * 1024,
  };
  return startHttpServer({
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
        isLean,
      }),
    ),
    mayStay: () => true,
    onConnectionRefused: () => {},
  });
}

async function readSizedMessage(from: Socket): Promise<Uint8Array> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of from.iterator({ destroyOnReturn: false })) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE())
      return bytes.subarray(4, 4 + bytes.readUInt32BE());
  }
  throw new Error("the connection ended before the whole message had come");
}
