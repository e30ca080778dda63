// Reads what an HTTP/1.1 client must read of an answer to know its status, its body and where it ends, and nothing else.
// Source: RFC 9112, sections 4, 6 and 7.1.

/** An answer that has arrived in full. */
export type ParsedAnswer = { status: number; body: Buffer };

const headEnd = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");
const lengthNames = [Buffer.from("content-length: "), Buffer.from("Content-Length: ")];
const chunkedNames = [Buffer.from("transfer-encoding: chunked"), Buffer.from("Transfer-Encoding: chunked")];

/** Returns the answer at the start of `data`, its body a view of it; undefined while some of it is missing. */
export function parseAnswer(data: Buffer): ParsedAnswer | undefined {
  const head = data.indexOf(headEnd);
  if (head < 0) return undefined;
  // "HTTP/1.1 200 OK"
  const status = (data[9]! - 48) * 100 + (data[10]! - 48) * 10 + (data[11]! - 48);
  const bodyAt = head + headEnd.length;
  const lengthAt = endOfName(data, lengthNames, head);
  if (lengthAt === undefined && endOfName(data, chunkedNames, head) !== undefined) {
    const body = joinChunks(data, bodyAt);
    return body && { status, body };
  }
  const end = bodyAt + (lengthAt === undefined ? 0 : decimalAt(data, lengthAt));
  return data.length < end ? undefined : { status, body: data.subarray(bodyAt, end) };
}

function endOfName(data: Buffer, names: readonly Buffer[], head: number): number | undefined {
  for (const name of names) {
    const at = data.indexOf(name);
    if (at >= 0 && at < head) return at + name.length;
  }
  return undefined;
}

function decimalAt(data: Buffer, at: number): number {
  let value = 0;
  for (let index = at; data[index]! >= 48 && data[index]! <= 57; index += 1) value = value * 10 + data[index]! - 48;
  return value;
}

// Undefined while some chunk is missing, the empty last one too.
function joinChunks(data: Buffer, from: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = from; ;) {
    const sizeEnd = data.indexOf(lineEnd, at);
    if (sizeEnd < 0) return undefined;
    const size = Number.parseInt(data.toString("latin1", at, sizeEnd), 16);
    const chunkAt = sizeEnd + lineEnd.length;
    if (data.length < chunkAt + size + lineEnd.length) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(data.subarray(chunkAt, chunkAt + size));
    at = chunkAt + size + lineEnd.length;
  }
}
