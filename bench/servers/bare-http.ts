// The baseline: the least that answers a request with JSON in Node. It parses the body and writes an answer as large as a
// reservation's; it checks nothing, keeps nothing and calls nobody.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer((request, response) => {
  if (request.method !== "POST") return void response.writeHead(404, { "content-length": 0 }).end();
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { eventId, reservationId, areaId } = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
    const answer = JSON.stringify({
      reservation: {
        eventId,
        reservationId,
        areaId,
        state: "RESERVATION_STATE_HELD",
        quantity: 2,
        seats: [
          { row: "1", number: 1 },
          { row: "1", number: 2 },
        ],
        unitPrice: { currencyCode: "EUR", amountMinor: "2500" },
        total: { currencyCode: "EUR", amountMinor: "5000" },
        createTime: "2036-05-01T19:30:00.000Z",
        holdExpireTime: "2036-05-01T19:40:00.000Z",
      },
    });
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(answer) });
    response.end(answer);
  });
});

server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ ports: { http: (server.address() as AddressInfo).port } }));
});
process.on("SIGTERM", () => process.exit(0));
