// Answers among the bytes on a link: HTTP/2 carries pings, settings and windows too, also while nobody asks for anything.

import { frameTypes } from "../support/raw-http2.ts";
import { endsOf, type LinkName } from "./links.ts";

const frameHeadBytes = 9;
const http1Callees = ["sandbox", "issuer"];

/** Returns how many bytes of answers are in what the callee of a link sent at once; of HTTP/2 those of messages alone. */
export function answerBytes(chunk: Buffer, link: LinkName): number {
  return isHttp1(link) ? chunk.length : messageBytes(chunk);
}

// Answers are small here: each frame is sent whole. RFC 9113, section 4.1.
function messageBytes(chunk: Buffer): number {
  let bytes = 0;
  for (let at = 0; at + frameHeadBytes <= chunk.length;) {
    const length = chunk.readUIntBE(at, 3);
    if (chunk[at + 3] === frameTypes.data) bytes += length;
    at += frameHeadBytes + length;
  }
  return bytes;
}

// Clients come to the gateway with HTTP/1.1, and so does the provider.
function isHttp1(link: LinkName): boolean {
  const { callee } = endsOf(link);
  return callee === "gateway" || http1Callees.includes(callee);
}
