import assert from "node:assert/strict";
import { startTestGateway, type TestGateway } from "../../test/harness.ts";
import { eventId, eventOf } from "../../test/messages.ts";

const path = "/boxoffice.edge.v1.EventService/GetEvent";

describe("CORS", () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway({ CORS_ORIGINS: "https://shop.example,https://app.example" });
    gateway.fakes.inventory.handlers.getEvent = async () => ({ event: eventOf() });
  });
  after(() => gateway.stop());

  const preflight = (origin: string) =>
    fetch(`${gateway.url}${path}`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });
  const ask = (origin: string, body = JSON.stringify({ eventId })) =>
    fetch(`${gateway.url}${path}`, { method: "POST", headers: { origin, "content-type": "application/json" }, body });

  it("answers the preflight of a configured origin, to be remembered for two hours", async () => {
    const { status, headers } = await preflight("https://app.example");
    assert.equal(status, 204);
    assert.equal(headers.get("access-control-allow-origin"), "https://app.example");
    assert.equal(headers.get("access-control-max-age"), "7200");
    const allowed = headers.get("access-control-allow-headers")!.toLowerCase().split(",");
    for (const name of ["authorization", "content-type", "connect-protocol-version", "connect-timeout-ms"]) {
      assert.ok(allowed.includes(name), name);
    }
    assert.match(headers.get("access-control-allow-methods")!, /POST/);
  });

  it("lets a configured origin read answers and errors, and when to come back", async () => {
    for (const response of [await ask("https://shop.example"), await ask("https://shop.example", "{")]) {
      assert.equal(response.headers.get("access-control-allow-origin"), "https://shop.example");
      assert.match(response.headers.get("access-control-expose-headers")!.toLowerCase(), /retry-after/);
      assert.match(response.headers.get("vary")!, /Origin/);
    }
  });

  it("allows no other origin", async () => {
    for (const response of [await preflight("https://evil.example"), await ask("https://evil.example")]) {
      assert.equal(response.headers.get("access-control-allow-origin"), null);
    }
  });

  it("allows every origin where * is configured, without credentials", async () => {
    const open = await startTestGateway({ CORS_ORIGINS: "*" }, gateway.fakes);
    const { headers } = await fetch(open.url, { headers: { origin: "https://any.example" } });
    assert.equal(headers.get("access-control-allow-origin"), "*");
    assert.equal(headers.get("access-control-allow-credentials"), null);
    await open.stop();
  });
});
