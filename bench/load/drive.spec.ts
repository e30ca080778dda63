import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { openConnection, type Connection } from "./connection.ts";
import { driveClosed, driveOpen, type Drive } from "./drive.ts";
import { createBookingRequests } from "./requests.ts";

type Answer = (id: string, response: ServerResponse) => void;

const ok: Answer = (id, response) => void response.end(JSON.stringify({ id, state: "RESERVATION_STATE_HELD" }));
const refusal = (reason: string, retryDelay?: string) =>
  JSON.stringify({ details: [{ debug: { reason } }, ...(retryDelay ? [{ debug: { retryDelay } }] : [])] });

describe("driving load", () => {
  let server: Server;
  let connections: Connection[];
  let answer: Answer;
  let seen: string[];
  let most: number;

  beforeEach(async () => {
    seen = [];
    most = 0;
    let current = 0;
    server = createServer((request, response) => {
      most = Math.max(most, (current += 1));
      response.once("close", () => (current -= 1));
      void idOf(request).then((id) => {
        seen.push(id);
        answer(id, response);
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    connections = await Promise.all(Array.from({ length: 4 }, () => openConnection(address())));
  });

  afterEach(async () => {
    for (const connection of connections) connection.close();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  const address = () => ({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });

  function driveWith(options: Partial<Drive> = {}): Drive & { acknowledged: string[] } {
    const acknowledged: string[] = [];
    const sales = [{ eventId: "event", areaIds: ["area"], requests: Infinity }];
    const nextRequest = createBookingRequests({ sales, quantity: 2 }, { host: "here", tokenOf: () => "token" });
    const onOk = ({ id }: { id: string }) => void acknowledged.push(id);
    return { connections, nextRequest, okName: "held", triesMax: 1, onOk, ...options, acknowledged };
  }

  it("in a closed loop sends as many as it may, one at a time on each connection", async () => {
    answer = ok;
    const drive = driveWith();
    const { tally } = await driveClosed(drive, { requestsMax: 50, durationMs: 60_000 });
    assert.deepEqual(tally.counts(), { held: 50 });
    assert.deepEqual(drive.acknowledged.toSorted(), seen.toSorted());
    assert.ok(most <= connections.length);
  });

  it("in a closed loop ends by the clock, with every answer there", async () => {
    answer = ok;
    const drive = driveWith();
    const { tally, elapsedMs } = await driveClosed(drive, { requestsMax: Infinity, durationMs: 50 });
    assert.ok(elapsedMs >= 50);
    assert.equal(tally.counts()["held"], seen.length);
  });

  it("counts a refusal by its reason, and acknowledges nothing of it", async () => {
    answer = (_, response) => void response.writeHead(400).end(refusal("SOLD_OUT"));
    const drive = driveWith();
    const { tally } = await driveClosed(drive, { requestsMax: 5, durationMs: 60_000 });
    assert.deepEqual(tally.counts(), { SOLD_OUT: 5 });
    assert.deepEqual(drive.acknowledged, []);
  });

  it("counts a broken connection, and opens it again", async () => {
    let broken = 0;
    answer = (id, response) => (broken++ === 0 ? void response.destroy() : ok(id, response));
    const { tally } = await driveClosed(driveWith(), { requestsMax: 10, durationMs: 60_000 });
    assert.deepEqual(tally.counts(), { broken: 1, held: 9 });
  });

  it("asks again under the same id where it may, and counts only the final answer", async () => {
    const asked = new Set<string>();
    answer = (id, response) => {
      if (asked.has(id)) return ok(id, response);
      asked.add(id);
      response.writeHead(429).end(refusal("OVERLOADED", "0.005s"));
    };
    const { tally, again } = await driveOpen(driveWith({ triesMax: 2 }), { ratePerSecond: Infinity, requests: 20 });
    assert.deepEqual(tally.counts(), { held: 20 });
    assert.deepEqual(again, { OVERLOADED: 20 });
    assert.equal(seen.length, 40);
    assert.equal(asked.size, 20);
    assert.ok(tally.latency("held")!.p50 >= 5);
  });

  it("gives up asking after its last try", async () => {
    answer = (_, response) => void response.writeHead(429).end(refusal("OVERLOADED", "0.001s"));
    const { tally, again } = await driveClosed(driveWith({ triesMax: 3 }), { requestsMax: 4, durationMs: 60_000 });
    assert.deepEqual(tally.counts(), { OVERLOADED: 4 });
    assert.deepEqual(again, { OVERLOADED: 8 });
  });

  it("in an open loop counts latency from when a request was due, through a stall of others", async () => {
    const stallMs = 120;
    let stalled = false;
    const waiting: (() => void)[] = [];
    answer = (id, response) => {
      if (stalled) return void waiting.push(() => ok(id, response));
      stalled = true;
      waiting.push(() => ok(id, response));
      setTimeout(() => {
        answer = ok;
        for (const each of waiting) each();
      }, stallMs);
    };
    const { tally, lateness } = await driveOpen(driveWith(), { ratePerSecond: 1_000, requests: 100 });
    assert.equal(tally.counts()["held"], 100);
    // Four connections were stuck; the requests that were due meanwhile left late, and their latency says so.
    const { mean, max } = tally.latency("held")!;
    assert.ok(max >= stallMs, `max ${max}`);
    assert.ok(mean >= stallMs / 4, `mean ${mean}`);
    assert.ok(lateness.overall()!.max >= stallMs / 2);
  });

  it("in an open loop sends no faster than it was asked to", async () => {
    answer = ok;
    const { elapsedMs } = await driveOpen(driveWith(), { ratePerSecond: 500, requests: 50 });
    assert.ok(elapsedMs >= 98 - 1, `${elapsedMs} ms`);
  });

  it("says how far it is", async () => {
    answer = ok;
    const told: number[] = [];
    const drive = driveWith({ onProgress: (answered) => told.push(answered) });
    await driveClosed(drive, { requestsMax: 2_000, durationMs: 60_000 });
    assert.deepEqual(told, [1_000, 2_000]);
  });
});

async function idOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return (JSON.parse(Buffer.concat(chunks).toString()) as { reservationId: string }).reservationId;
}
