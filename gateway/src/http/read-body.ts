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
  const giveWays = new Set<() => void>();
  let arrivingBytes = 0;

  function makeRoom(): void {
    for (const giveWay of giveWays) {
      if (arrivingBytes <= arrivingBytesMax) break;
      giveWay();
    }
  }

  return (request, bytesMax) => {
    const promised = request.headers["content-length"];
    if (promised !== undefined && Number(promised) > bytesMax) {
      request.resume();
      return Promise.resolve({ kind: "tooLarge" });
    }
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const settle = (outcome: BodyOutcome) => {
        request.off("data", onData).off("end", onEnd).off("aborted", onGone).off("close", onGone);
        giveWays.delete(giveWay);
        arrivingBytes -= length;
        resolve(outcome);
      };
      const refuse = (kind: "tooLarge" | "crowdedOut") => {
        settle({ kind });
        request.resume();
      };
      const giveWay = () => refuse("crowdedOut");
      const onData = (chunk: Buffer) => {
        length += chunk.byteLength;
        arrivingBytes += chunk.byteLength;
        if (length > bytesMax) return refuse("tooLarge");
        chunks.push(chunk);
        makeRoom();
      };
      // Both of Node's servers can deliver `end` with half a body after the client has gone.
      const onEnd = () => {
        const isWhole = !request.aborted && (promised === undefined ? request.complete : Number(promised) === length);
        settle(isWhole ? { kind: "read", bytes: joined(chunks, length) } : { kind: "gone" });
      };
      const onGone = () => settle({ kind: "gone" });
      giveWays.add(giveWay);
      request.on("data", onData).on("end", onEnd).on("aborted", onGone).on("close", onGone);
    });
  };
}

function joined(chunks: Buffer[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
