// A PNG of squares, black on white, one bit a pixel. The library that draws QR codes can do this too, but makes four bytes of
// each pixel first: three times the processor's time, on the event loop that carries every booking on.
// Source: PNG specification, third edition, sections 5 (chunks), 11.2.1 (IHDR) and 9 (filters).

import { crc32, deflateSync } from "node:zlib";

/** Squares in rows: `isDark` tells of the one in a row and column, from 0. */
export type Squares = { size: number; isDark(row: number, column: number): boolean };

const signature = Buffer.from("89504e470d0a1a0a", "hex");
// One bit a pixel, greyscale, deflate, the standard's filters, not interlaced.
const pixelFormat = Buffer.of(1, 0, 0, 0, 0);
const noFilter = 0;

/** Returns a PNG image of the squares, `scale` pixels a square, with a white margin of so many squares on each side. */
export function drawSquares({ size, isDark }: Squares, { scale, margin }: { scale: number; margin: number }): Buffer {
  const width = (size + 2 * margin) * scale;
  const rowBytes = 1 + Math.ceil(width / 8);
  const pixels = Buffer.alloc(rowBytes * width, 0xff);
  for (let row = 0; row < size; row += 1) {
    const line = Buffer.alloc(rowBytes, 0xff);
    for (let column = 0; column < size; column += 1) {
      if (!isDark(row, column)) continue;
      const left = (margin + column) * scale;
      for (let x = left; x < left + scale; x += 1) line[1 + (x >> 3)]! &= ~(0x80 >> (x & 7));
    }
    for (let y = 0; y < scale; y += 1) line.copy(pixels, rowBytes * ((margin + row) * scale + y));
  }
  for (let y = 0; y < width; y += 1) pixels[rowBytes * y] = noFilter;

  const dimensions = Buffer.alloc(8);
  dimensions.writeUInt32BE(width, 0);
  dimensions.writeUInt32BE(width, 4);
  return Buffer.concat([
    signature,
    chunk("IHDR", Buffer.concat([dimensions, pixelFormat])),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
