import assert from "node:assert/strict";
import { Code, ConnectError } from "@connectrpc/connect";
import { EventService } from "#gen/boxoffice/edge/v1/event";
import { clientOf, startTestGateway, type TestGateway } from "../../test/harness.ts";

describe("answers that no method gives", () => {
  let gateway: TestGateway;
  before(async () => (gateway = await startTestGateway()));
  after(() => gateway.stop());

  const path = "/boxoffice.edge.v1.EventService/PublishEvent";
  const notCalls: [what: string, path: string, request: RequestInit, status: number, code: string][] = [
    ["a path that is not there", "/boxoffice.edge.v1.EventService/Nothing", { method: "POST" }, 404, "unimplemented"],
    ["a verb that calls nothing", path, { method: "DELETE" }, 405, "unknown"],
    ["a GET of a method with side effects", path, { method: "GET" }, 405, "unknown"],
    ["content that is no message", path, { method: "POST", headers: { "content-type": "image/png" } }, 415, "unknown"],
  ];
  for (const [what, where, request, status, code] of notCalls) {
    it(`tell Connect's clients of ${what} with a code, a message and nothing else`, async () => {
      const response = await fetch(`${gateway.url}${where}`, request);
      const { message, ...rest } = (await response.json()) as { message: string };
      assert.deepEqual([response.status, rest], [status, { code }]);
      assert.ok(message);
    });

    it(`tell gRPC's clients of ${what} by the status alone`, async () => {
      const headers = { "content-type": "application/grpc+nothing" };
      const response = await fetch(`${gateway.url}${where}`, { ...request, headers });
      assert.deepEqual([response.status, await response.text()], [status, ""]);
    });
  }

  for (const protocol of ["gRPC, HTTP/2", "gRPC-Web, HTTP/1.1"] as const) {
    // A tag, a length of three bytes, and the rest.
    const filterOfMessage = (bytes: number) => "x".repeat(bytes - 4);
    const codeOf = async (bytes: number) => {
      const events = clientOf(EventService, gateway.url, { protocol });
      const error = await events.listEvents({ filter: filterOfMessage(bytes) }).catch(ConnectError.from);
      return error instanceof ConnectError ? error.code : undefined;
    };

    it(`call a message that is too large RESOURCE_EXHAUSTED over ${protocol}`, async () => {
      assert.equal(await codeOf(64 * 1024 + 1), Code.ResourceExhausted);
    });

    it(`are not given to a message that is as large as may be over ${protocol}`, async () => {
      assert.equal(await codeOf(64 * 1024), Code.InvalidArgument);
    });
  }
});
