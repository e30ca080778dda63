// The code of a ticket: what its QR code says. The base64url text (RFC 4648, without padding) of these bytes, numbers big
// endian:
//
//   at        bytes  what
//   0         1      version, 1
//   1         4      key id: the first four bytes of the SHA-256 of the public key
//   5         16     event id
//   21        16     ticket id
//   37        2      epoch, from 1
//   39        1      a, how many bytes the area's id has
//   40        a      the area's id, ASCII
//   40+a      1      r, how many bytes the row's label has; 0 for general admission
//   41+a      r      the row's label, ASCII
//   41+a+r    2      the seat's number, from 1; 0 for general admission
//   43+a+r    64     Ed25519 signature (RFC 8032) of all bytes before it
//
// Seat 7 of row A in the area `stalls` takes 114 bytes, 152 characters. Area and seat are there for a gate's staff to read
// while it is offline; online the database's row is what counts.

import { sign, verify, type KeyObject } from "node:crypto";

/** What a code says. */
export type TicketPayload = {
  /** 8 hexadecimal digits. */
  keyId: string;
  eventId: string;
  ticketId: string;
  /** 1 to 65,535. */
  epoch: number;
  areaId: string;
  /** Undefined for general admission. */
  seat: { row: string; number: number } | undefined;
};

/** A code that was read, its signature not yet looked at. */
export type SignedTicket = {
  payload: TicketPayload;
  /** What was signed. */
  body: Buffer;
  signature: Buffer;
};

const version = 1;
const areaAt = 40;
const bodyBytesMin = 43;
const signatureBytes = 64;

/** Returns the code that says `payload`, signed. Ed25519 is deterministic: the same ticket has the same code. */
export function signTicket(payload: TicketPayload, privateKey: KeyObject): string {
  const body = encodePayload(payload);
  return Buffer.concat([body, sign(null, body, privateKey)]).toString("base64url");
}

/** Returns what a code says, or undefined where it is none: each code has one spelling, and nothing may follow it. */
export function parseCode(code: string): SignedTicket | undefined {
  const bytes = Buffer.from(code, "base64url");
  if (bytes.length < bodyBytesMin + signatureBytes || bytes.toString("base64url") !== code) return undefined;
  const body = bytes.subarray(0, -signatureBytes);
  const payload = decodePayload(body);
  return payload && { payload, body, signature: bytes.subarray(-signatureBytes) };
}

/** True where the code was signed with the private half of `publicKey`. */
export function isSignedBy({ body, signature }: SignedTicket, publicKey: KeyObject): boolean {
  return verify(null, body, publicKey, signature);
}

function encodePayload({ keyId, eventId, ticketId, epoch, areaId, seat }: TicketPayload): Buffer {
  const area = Buffer.from(areaId, "latin1");
  const row = Buffer.from(seat?.row ?? "", "latin1");
  const numbers = Buffer.alloc(4);
  numbers.writeUInt16BE(epoch, 0);
  numbers.writeUInt16BE(seat?.number ?? 0, 2);
  return Buffer.concat([
    Buffer.of(version),
    Buffer.from(keyId, "hex"),
    uuidBytes(eventId),
    uuidBytes(ticketId),
    numbers.subarray(0, 2),
    Buffer.of(area.length),
    area,
    Buffer.of(row.length),
    row,
    numbers.subarray(2),
  ]);
}

function decodePayload(body: Buffer): TicketPayload | undefined {
  if (body[0] !== version) return undefined;
  const areaEnd = areaAt + body[areaAt - 1]!;
  const rowEnd = areaEnd + 1 + (body[areaEnd] ?? 0);
  if (body.length !== rowEnd + 2) return undefined;
  const row = body.toString("latin1", areaEnd + 1, rowEnd);
  const number = body.readUInt16BE(rowEnd);
  if ((row === "") !== (number === 0)) return undefined;
  return {
    keyId: body.toString("hex", 1, 5),
    eventId: uuidFromBytes(body.subarray(5, 21)),
    ticketId: uuidFromBytes(body.subarray(21, 37)),
    epoch: body.readUInt16BE(37),
    areaId: body.toString("latin1", areaAt, areaEnd),
    seat: row === "" ? undefined : { row, number },
  };
}

/** Returns the 16 bytes of a UUID. */
export function uuidBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll("-", ""), "hex");
}

/** Returns the UUID of 16 bytes, in lower case. */
export function uuidFromBytes(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
