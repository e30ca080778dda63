// HTTP/2 written by hand, for what no client library would send: floods, oversize frames, forbidden headers.
// Sources: RFC 9113 (frames), RFC 7541 (headers).

import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Types of frames: RFC 9113, section 6. */
export const frameTypes = { data: 0, headers: 1, resetStream: 3, settings: 4, ping: 6, goAway: 7, continuation: 9 };

/** Flags of frames: RFC 9113, section 6. */
export const flags = { none: 0, endStream: 1, endHeaders: 4 };

/** A frame that was received. */
export type Frame = { type: number; flags: number; stream: number; payload: Buffer };

/** A connection to a server that speaks HTTP/2. */
export type RawHttp2 = {
  /** Sends bytes; nothing is sent once the connection is gone. */
  send(...frames: Buffer[]): void;
  /** Returns the first frame of one of these types that is not consumed yet, or undefined when the connection ends first. */
  next(...types: number[]): Promise<Frame | undefined>;
  /** Settles when the connection has ended. */
  closed: Promise<void>;
  destroy(): void;
};

/** Returns a frame: RFC 9113, section 4.1. `length` lies about the payload's where it is given. */
export function frame(
  type: number,
  flagBits: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flagBits, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Returns a header block of literals, neither indexed nor compressed: RFC 7541, section 6.2.2. */
export function plainHeaders(headers: Record<string, string>): Buffer {
  const text = (value: string) => Buffer.concat([prefixedInteger(Buffer.byteLength(value, "latin1")), latin1(value)]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** Returns the frames that carry a header block, each at most `bytesMax` long. Only the last one ends the headers. */
export function headerFrames(stream: number, block: Buffer, flagBits = flags.none, bytesMax = 16_384): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += bytesMax) parts.push(block.subarray(at, at + bytesMax));
  return parts.map((part, index) => {
    const end = index === parts.length - 1 ? flags.endHeaders : flags.none;
    return index === 0
      ? frame(frameTypes.headers, flagBits | end, stream, part)
      : frame(frameTypes.continuation, end, stream, part);
  });
}

/** Opens a connection on `port` of this machine, sends the preface and its settings, and waits for the server's. */
export async function openRawHttp2(port: number): Promise<RawHttp2> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  const received = receive(socket);
  const connection: RawHttp2 = {
    send: (...frames) => {
      if (socket.writable) socket.write(Buffer.concat(frames));
    },
    ...received,
    destroy: () => socket.destroy(),
  };
  connection.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameTypes.settings, flags.none, 0));
  await connection.next(frameTypes.settings);
  const acknowledgement = 1;
  connection.send(frame(frameTypes.settings, acknowledgement, 0));
  return connection;
}

function receive(socket: Socket): Pick<RawHttp2, "next" | "closed"> {
  const frames: Frame[] = [];
  let unread: Buffer = Buffer.alloc(0);
  let isClosed = false;
  let wake = () => {};
  let changed = new Promise<void>((resolve) => (wake = resolve));
  const tell = () => {
    wake();
    changed = new Promise((resolve) => (wake = resolve));
  };
  socket.on("data", (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const end = 9 + unread.readUIntBE(0, 3);
      const stream = unread.readUInt32BE(5) & 0x7fff_ffff;
      frames.push({ type: unread[3]!, flags: unread[4]!, stream, payload: unread.subarray(9, end) });
      unread = unread.subarray(end);
    }
    tell();
  });
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      isClosed = true;
      tell();
      resolve();
    });
  });
  return {
    closed,
    async next(...types) {
      for (;;) {
        const index = frames.findIndex(({ type }) => types.includes(type));
        if (index >= 0) return frames.splice(index, 1)[0];
        if (isClosed) return undefined;
        await changed;
      }
    },
  };
}

// RFC 7541, section 5.1, with a prefix of seven bits; the eighth, of Huffman's code, stays 0.
function prefixedInteger(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
