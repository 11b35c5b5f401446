// Windows and OS/2 bitmaps, which sharp's prebuilt library cannot read. The only file that knows
// @napi-rs/image: it reads the pixels, once the header has been checked and made a common one.

import { type BmpHeader, plainBmp, truncated } from './bmp-header.ts';
import { ImageError } from './fault.ts';

/** Pixels with or without alpha, row by row from the top. */
export interface BmpPixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8Array;
}

/** Decodes a BMP whose header has been read. `where` names it in FM_IMAGE errors. */
export async function decodeBmp(
  bytes: Uint8Array,
  header: BmpHeader,
  where: string,
): Promise<BmpPixels> {
  const { width, height } = header;
  const pixels = pixelBytes(bytes, header, where);
  const plain = plainBmp(bytes, header, pixels);
  const Transformer = await loadDecoder(where);
  const data = await new Transformer(plain).rawPixels().catch((cause: Error) => {
    const reason = cause.message.replace(/^Decode image failed\s*/, '').split('\n')[0];
    const kind = /fill whole buffer|unexpected end/.test(reason) ? 'truncated' : 'damaged';
    throw new ImageError(where, { kind, got: `a ${kind} file (${reason})` }, cause);
  });
  const channels = data.length / (width * height);
  if (channels === 3) return { width, height, channels, data };
  return withAlpha(width, height, data);
}

/** Loaded for the first bitmap, so that nobody else waits for it or needs its binary. */
async function loadDecoder(where: string) {
  try {
    return (await import('@napi-rs/image')).Transformer;
  } catch (cause) {
    const got = 'a BMP file, whose decoder is not installed for this system';
    throw new ImageError(where, { kind: 'unsupported', got }, cause);
  }
}

/** The stored pixels. Rows are padded to four bytes, but some writers leave the last padding out. */
function pixelBytes(bytes: Uint8Array, header: BmpHeader, where: string): Uint8Array {
  const { width, height, bits, coding, pixelsAt } = header;
  const stored = bytes.subarray(pixelsAt);
  if (coding !== 'plain') {
    if (stored.length < 2) throw truncated(where, bytes.length, pixelsAt + 2);
    return stored;
  }
  const row = Math.ceil((width * bits) / 32) * 4;
  const whole = row * height;
  const least = whole - row + Math.ceil((width * bits) / 8);
  if (stored.length >= whole) return stored.subarray(0, whole);
  if (stored.length < least) throw truncated(where, bytes.length, pixelsAt + whole);
  const padded = new Uint8Array(whole);
  padded.set(stored);
  return padded;
}

/** Writers that know no alpha leave it zero everywhere: such an image is opaque. */
function withAlpha(width: number, height: number, data: Uint8Array): BmpPixels {
  const count = width * height;
  for (let i = 0; i < count; i++) {
    if (data[4 * i + 3] !== 0) return { width, height, channels: 4, data };
  }
  const opaque = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) opaque.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
  return { width, height, channels: 3, data: opaque };
}
