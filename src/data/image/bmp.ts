// Windows bitmaps, which sharp's prebuilt library cannot read: uncompressed, 8 bits with a palette,
// 24 or 32 bits. Run-length and bit-field variants are refused by name.

import { fail } from '../../core/errors.ts';
import type { RawImage } from '../../core/raw-image.ts';

interface BmpHeader {
  readonly pixelsAt: number;
  readonly paletteAt: number;
  readonly width: number;
  readonly height: number;
  readonly bottomUp: boolean;
  readonly bits: number;
  readonly compression: number;
}

/** Decodes an uncompressed BMP. `where` names it in FM_IMAGE errors. */
export function decodeBmp(bytes: Uint8Array, where: string, maxPixels: number): RawImage {
  const bad = (expected: string, got: string) =>
    fail('FM_IMAGE', where, { expected, got, next: 'Convert the image to PNG or JPEG.' });
  const header = readHeader(bytes);
  if (header === undefined) throw bad('a BMP header', `${bytes.length} bytes`);
  const { width, height, bits, compression } = header;
  if (compression !== 0 || ![8, 24, 32].includes(bits)) {
    throw bad('an uncompressed BMP of 8, 24 or 32 bits', `${bits} bits, method ${compression}`);
  }
  if (width < 1 || height < 1) throw bad('a positive size', `${width} x ${height}`);
  if (width * height > maxPixels) throw bad(`at most ${maxPixels} pixels`, `${width} x ${height}`);
  const needed = header.pixelsAt + rowBytes(header) * height;
  if (bytes.length < needed) throw bad(`${needed} bytes`, `a truncated file of ${bytes.length}`);
  return { width, height, data: readPixels(bytes, header) };
}

function readHeader(bytes: Uint8Array): BmpHeader | undefined {
  if (bytes.length < 54) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const height = view.getInt32(22, true);
  return {
    pixelsAt: view.getUint32(10, true),
    paletteAt: 14 + view.getUint32(14, true),
    width: view.getInt32(18, true),
    height: Math.abs(height),
    bottomUp: height > 0,
    bits: view.getUint16(28, true),
    compression: view.getUint32(30, true),
  };
}

/** Rows are padded to four bytes. */
function rowBytes({ width, bits }: BmpHeader): number {
  return Math.ceil((width * bits) / 32) * 4;
}

function readPixels(bytes: Uint8Array, header: BmpHeader): Uint8Array {
  const { width, height, bits, bottomUp, pixelsAt, paletteAt } = header;
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = pixelsAt + rowBytes(header) * (bottomUp ? height - 1 - y : y);
    for (let x = 0; x < width; x++) {
      const from = bits === 8 ? paletteAt + bytes[row + x] * 4 : row + x * (bits / 8);
      const to = (y * width + x) * 3;
      out[to] = bytes[from + 2]; // stored blue first
      out[to + 1] = bytes[from + 1];
      out[to + 2] = bytes[from];
    }
  }
  return out;
}
