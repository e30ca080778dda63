import type { IncomingMessage } from "node:http";

const bodyBytesMax = 16 << 10;

/**
 * Returns a request's JSON value, or undefined when it is not JSON. Throws when it is longer than 16 KiB or when the
 * client goes away, after which the connection is of no use.
 */
export function readBody(request: IncomingMessage): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) reject(new Error("the body is too large"));
      else chunks.push(chunk);
    });
    request.on("error", reject);
    request.on("end", () => resolve(parseJson(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))));
  });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
