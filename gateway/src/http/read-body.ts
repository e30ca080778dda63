// A request's body, whole and bounded, before anything is made of it. All public methods take one message, so nothing is
// gained by streaming it, and Connect's own reader destroys the socket under a body that is too large, answer and all.

import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

/** A request of either HTTP version. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** What became of a body: `gone` when the client went away or sent less than it promised. */
export type BodyOutcome = { kind: "read"; bytes: Uint8Array<ArrayBuffer> } | { kind: "tooLarge" } | { kind: "gone" };

/** Reads at most `bytesMax`. What comes after that is discarded as it arrives. Never rejects. */
export function readBody(request: HttpRequest, bytesMax: number): Promise<BodyOutcome> {
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
      resolve(outcome);
    };
    const onData = (chunk: Buffer) => {
      length += chunk.byteLength;
      if (length > bytesMax) {
        settle({ kind: "tooLarge" });
        request.resume();
        return;
      }
      chunks.push(chunk);
    };
    // Both of Node's servers can deliver `end` with half a body after the client has gone.
    const onEnd = () => {
      const isWhole = !request.aborted && (promised === undefined ? request.complete : Number(promised) === length);
      settle(isWhole ? { kind: "read", bytes: joined(chunks, length) } : { kind: "gone" });
    };
    const onGone = () => settle({ kind: "gone" });
    request.on("data", onData).on("end", onEnd).on("aborted", onGone).on("close", onGone);
  });
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
