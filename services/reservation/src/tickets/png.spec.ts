import assert from "node:assert/strict";
import { crc32, inflateSync } from "node:zlib";
import fc from "fast-check";
import { drawSquares } from "./png.ts";

/** The chunks of a PNG, their checksums looked at. */
function chunksOf(png: Buffer): Map<string, Buffer> {
  assert.equal(png.subarray(0, 8).toString("latin1"), "\x89PNG\r\n\x1a\n");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length;) {
    const end = at + 8 + png.readUInt32BE(at);
    assert.equal(png.readUInt32BE(end), crc32(png.subarray(at + 4, end)));
    chunks.set(png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, end));
    at = end + 4;
  }
  return chunks;
}

describe("a picture of squares", () => {
  it("is a PNG that has each square where it belongs, and a white margin", () => {
    const pictures = fc.record({
      size: fc.integer({ min: 1, max: 40 }),
      scale: fc.integer({ min: 1, max: 5 }),
      margin: fc.integer({ min: 0, max: 5 }),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(pictures, ({ size, scale, margin, seed }) => {
        const isDark = (row: number, column: number) => ((row * 31 + column * 17 + seed) * 2_654_435_761) % 7 < 3;
        const chunks = chunksOf(drawSquares({ size, isDark }, { scale, margin }));
        assert.deepEqual([...chunks.keys()], ["IHDR", "IDAT", "IEND"]);
        const width = (size + 2 * margin) * scale;
        const header = chunks.get("IHDR")!;
        assert.deepEqual([header.readUInt32BE(0), header.readUInt32BE(4)], [width, width]);
        assert.deepEqual([...header.subarray(8)], [1, 0, 0, 0, 0]);
        const pixels = inflateSync(chunks.get("IDAT")!);
        const rowBytes = 1 + Math.ceil(width / 8);
        assert.equal(pixels.length, rowBytes * width);
        for (let y = 0; y < width; y += 1) {
          assert.equal(pixels[rowBytes * y], 0);
          for (let x = 0; x < width; x += 1) {
            const isBlack = ((pixels[rowBytes * y + 1 + (x >> 3)]! >> (7 - (x & 7))) & 1) === 0;
            const [row, column] = [Math.floor(y / scale) - margin, Math.floor(x / scale) - margin];
            const isInside = Math.min(row, column) >= 0 && Math.max(row, column) < size;
            assert.equal(isBlack, isInside && isDark(row, column));
          }
        }
      }),
      { numRuns: 30 },
    );
  });
});
