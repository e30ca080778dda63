// A request's body, whole and bounded, before anything is made of it. All public methods take one message, so nothing is
// gained by streaming it, and Connect's own reader destroys the socket under a body that is too large, answer and all.

import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

/** A request of either HTTP version. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

/**
 * What became of a body: `gone` when the client went away or sent less than it promised, `crowdedOut` when it gave way to
 * newer ones.
 */
export type BodyOutcome =
  { kind: "read"; bytes: Uint8Array<ArrayBuffer> } | { kind: "tooLarge" } | { kind: "crowdedOut" } | { kind: "gone" };

/** Reads at most `bytesMax`. What comes after that is discarded as it arrives. Never rejects. */
export type BodyReader = (request: HttpRequest, bytesMax: number) => Promise<BodyOutcome>;

/**
 * Returns a reader that keeps at most `arrivingBytesMax` bytes of unfinished bodies. Past that the one that began first gives
 * way: an honest body arrives within moments, so whoever takes up room by sending slowly loses it again.
 */
export function createBodyReader(arrivingBytesMax: number): BodyReader {
  // In order of their beginnings.
  const arriving = new Set<Arrival>();
  let arrivingBytes = 0;

  function makeRoom(): void {
    for (const arrival of arriving) {
      if (arrivingBytes <= arrivingBytesMax) break;
      refuse(arrival, "crowdedOut");
    }
  }

  function refuse(arrival: Arrival, kind: "tooLarge" | "crowdedOut"): void {
    settle(arrival, { kind });
    arrival.request.resume();
  }

  // What a listener hears after this changes nothing, and costs less than to take the listeners off again.
  function settle(arrival: Arrival, outcome: BodyOutcome): void {
    if (!arriving.delete(arrival)) return;
    arrivingBytes -= arrival.length;
    arrival.resolve(outcome);
  }

  return (request, bytesMax) => {
    const promised = request.headers["content-length"];
    if (promised !== undefined && Number(promised) > bytesMax) {
      request.resume();
      return Promise.resolve({ kind: "tooLarge" });
    }
    return new Promise((resolve) => {
      const arrival: Arrival = { request, chunks: [], length: 0, resolve };
      arriving.add(arrival);
      request.on("data", (chunk: Buffer) => {
        if (!arriving.has(arrival)) return;
        arrival.length += chunk.byteLength;
        arrivingBytes += chunk.byteLength;
        if (arrival.length > bytesMax) return refuse(arrival, "tooLarge");
        arrival.chunks.push(chunk);
        if (arrivingBytes > arrivingBytesMax) makeRoom();
      });
      // Both of Node's servers can deliver `end` with half a body after the client has gone.
      request.on("end", () => {
        const { chunks, length } = arrival;
        const isWhole = !request.aborted && (promised === undefined ? request.complete : Number(promised) === length);
        settle(arrival, isWhole ? { kind: "read", bytes: joined(chunks) } : gone);
      });
      request.on("close", () => settle(arrival, gone));
    });
  };
}

/** A body that has not arrived in full. */
type Arrival = { request: HttpRequest; chunks: Buffer[]; length: number; resolve: (outcome: BodyOutcome) => void };

const gone: BodyOutcome = { kind: "gone" };

function joined(chunks: Buffer[]): Uint8Array<ArrayBuffer> {
  return (chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)) as Uint8Array<ArrayBuffer>;
}
