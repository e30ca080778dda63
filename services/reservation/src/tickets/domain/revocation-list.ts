// What a gate that works offline has to know of an event, as small as can be: 18 bytes an entry, the ticket's id (16) and
// the epoch below which its codes are void (2, big endian). Sorted by id, so that a gate can search it as it stands.

import { uuidBytes, uuidFromBytes } from "./payload.ts";

/** Codes of this ticket are void below this epoch. */
export type Revocation = { ticketId: string; epoch: number };

const entryBytes = 18;

/** Returns the entries as bytes, in their order. */
export function encodeRevocations(revocations: readonly Revocation[]): Buffer {
  const bytes = Buffer.alloc(entryBytes * revocations.length);
  revocations.forEach(({ ticketId, epoch }, index) => {
    uuidBytes(ticketId).copy(bytes, entryBytes * index);
    bytes.writeUInt16BE(epoch, entryBytes * index + 16);
  });
  return bytes;
}

/** Returns the entries of bytes that `encodeRevocations` made; throws where they are cut short. */
export function parseRevocations(bytes: Uint8Array): Revocation[] {
  const buffer = Buffer.from(bytes);
  if (buffer.length % entryBytes !== 0) throw new RangeError(`${buffer.length} bytes are no whole entries`);
  return Array.from({ length: buffer.length / entryBytes }, (_, index) => ({
    ticketId: uuidFromBytes(buffer.subarray(entryBytes * index, entryBytes * index + 16)),
    epoch: buffer.readUInt16BE(entryBytes * index + 16),
  }));
}
