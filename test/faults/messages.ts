// Messages among the bytes on a link: HTTP/2 carries pings, settings and windows too, also while nobody asks for anything.

import { frameTypes } from "../support/raw-http2.ts";
import { endsOf, type LinkName, type Part } from "./links.ts";

const frameHeadBytes = 9;
const grpcCallees: Part[] = ["inventory", "payment", "reservation"];

/** Returns how many bytes of messages are in what was sent at once on a link: of gRPC's its messages alone, of others' all. */
export function messageBytes(chunk: Buffer, link: LinkName): number {
  return grpcCallees.includes(endsOf(link).callee) ? dataBytes(chunk) : chunk.length;
}

// Messages are small here: each frame is sent whole. RFC 9113, section 4.1.
function dataBytes(chunk: Buffer): number {
  let bytes = 0;
  for (let at = 0; at + frameHeadBytes <= chunk.length;) {
    const length = chunk.readUIntBE(at, 3);
    if (chunk[at + 3] === frameTypes.data) bytes += length;
    at += frameHeadBytes + length;
  }
  return bytes;
}
