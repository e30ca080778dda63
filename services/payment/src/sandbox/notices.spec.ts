import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { signatureFault } from "../providers/webhook-signature.ts";
import { until } from "../../test/harness.ts";
import { createNotices, type Notices } from "./notices.ts";

describe("the sandbox's webhooks", () => {
  const secret = "secret";
  let server: Server;
  let endpoint: string;
  let answers: number[];
  let came: { reference: string; id: string; isSigned: boolean }[];
  let notices: Notices;
  before(async () => {
    server = createServer(async (request, response) => {
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      const fault = signatureFault(body, String(request.headers["sandbox-signature"]), { secret, nowMs: Date.now() });
      const isSigned = fault === undefined;
      came.push({ ...(JSON.parse(body.toString()) as { reference: string; id: string }), isSigned });
      response.writeHead(answers.shift() ?? 200).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    answers = [];
    came = [];
    notices = createNotices({ endpoint, secret, now: Date.now });
  });
  afterEach(() => notices.stop());
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const emit = (reference: string) => notices.emit("authorization.authorized", { reference, group: "g" });
  const references = () => came.map(({ reference }) => reference);

  it("are signed, and sent again with the same id until they are taken", async () => {
    answers = [503, 400];
    emit("a");
    await until(() => came.length === 3);
    assert.ok(came.every(({ isSigned }) => isSigned));
    assert.equal(new Set(came.map(({ id }) => id)).size, 1);
    const [delivery] = notices.deliveries;
    await until(() => delivery!.status === 200);
    assert.equal(delivery!.tries, 3);
  });

  it("are sent again when nobody listens, to wherever they go by then", async () => {
    notices.setEndpoint("http://127.0.0.1:1");
    emit("a");
    await until(() => notices.deliveries[0]!.tries > 0);
    notices.setEndpoint(endpoint);
    await until(() => came.length === 1);
  });

  it("wait while they are held, and come twice and in the wrong order when that is wished", async () => {
    notices.hold();
    ["a", "b", "c"].forEach(emit);
    assert.deepEqual(references(), []);
    notices.release({ isReversed: true, copies: 2 });
    await until(() => came.length === 6);
    assert.deepEqual(references().toSorted(), ["a", "a", "b", "b", "c", "c"]);
    emit("d");
    await until(() => came.length === 7);
  });

  it("are not sent without a secret, without an endpoint, or after the end", () => {
    for (const options of [
      { endpoint: "", secret },
      { endpoint, secret: "" },
    ]) {
      const none = createNotices({ ...options, now: Date.now });
      none.emit("authorization.authorized", { reference: "a", group: undefined });
      assert.deepEqual(none.deliveries, []);
    }
    notices.stop();
    emit("a");
    assert.deepEqual(notices.deliveries, []);
  });
});
