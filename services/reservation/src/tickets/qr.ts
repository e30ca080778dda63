// A ticket's code as a picture: error correction M (15 % of the picture may be dirty or glaring), and the quiet zone of four
// modules that the standard asks for (ISO/IEC 18004).

import QRCode from "qrcode";
import { drawSquares } from "./png.ts";

const options = { errorCorrectionLevel: "M" } as const;
const margin = 4;
const pngPixelsPerModule = 4;

/** Returns an SVG document. */
export async function drawSvg(code: string): Promise<string> {
  return await QRCode.toString(code, { ...options, margin, type: "svg" });
}

/** Returns a PNG image, black on white, 4 pixels a module. */
export function drawPng(code: string): Buffer {
  const { modules } = QRCode.create(code, options);
  const { size } = modules;
  const squares = { size, isDark: (row: number, column: number) => modules.get(row, column) === 1 };
  return drawSquares(squares, { scale: pngPixelsPerModule, margin });
}
