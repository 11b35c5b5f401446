// The headers of Windows and OS/2 bitmaps, of which there are a dozen, and the one into which all of
// them are rewritten for the decoder: BITMAPV4HEADER.

import { ImageError } from './fault.ts';

/** How pixels are stored (`file`: as a whole JPEG or PNG file); other ways are refused by name. */
type Coding = 'plain' | 'rle8' | 'rle4' | 'file';

export interface BmpHeader {
  readonly width: number;
  /** Positive; `topDown` says in which order the rows are. */
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly coding: Coding;
  /** Of red, green, blue and alpha; absent where the bits alone say it. */
  readonly masks?: readonly [number, number, number, number];
  readonly palette: { readonly at: number; readonly entryBytes: 3 | 4 };
  readonly pixelsAt: number;
}

const FILE_HEADER = 14;
const CORE = 12;
const INFO = 40;
const V4 = 108;

/** Sizes that OS/2 2.x headers may have besides: they may end after any field. */
const isOs2 = (size: number) => size >= 16 && size <= 64 && ![INFO, 52, 56].includes(size);

/** Reads any of the headers; throws FM_IMAGE, naming `where`. */
export function readBmpHeader(bytes: Uint8Array, where: string): BmpHeader {
  if (bytes.length < FILE_HEADER + CORE) throw truncated(where, bytes.length, FILE_HEADER + CORE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(14, true);
  if (size < CORE || size > 1024) {
    throw new ImageError(where, { kind: 'damaged', got: `a BMP header of ${size} bytes` });
  }
  const end = FILE_HEADER + size;
  if (bytes.length < end) throw truncated(where, bytes.length, end);
  // what a short header leaves out is zero
  const u32 = (at: number) => (at + 4 <= end ? view.getUint32(at, true) : 0);
  const core = size === CORE;
  const storedHeight = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(core ? 24 : 28, true);
  const method = core ? 0 : u32(30);
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  if (width < 1 || storedHeight === 0) {
    const got = `a BMP of ${width} x ${storedHeight} pixels`;
    throw new ImageError(where, { kind: 'damaged', got });
  }
  const coding = codingOf(method, size, where);
  if (coding !== 'file' && ![1, 2, 4, 8, 16, 24, 32].includes(bits)) {
    throw new ImageError(where, { kind: 'damaged', got: `a BMP of ${bits} bits a pixel` });
  }
  const fields = method === 3 || method === 6;
  const behind = fields && size === INFO ? (method === 6 ? 16 : 12) : 0;
  if (bytes.length < end + behind) throw truncated(where, bytes.length, end + behind);
  const pixelsAt = view.getUint32(10, true);
  const alpha = size >= 56 || method === 6 ? view.getUint32(66, true) : 0;
  const mask = (at: number) => view.getUint32(at, true);
  return {
    width,
    height: Math.abs(storedHeight),
    topDown: storedHeight < 0,
    bits,
    coding,
    masks: fields ? [mask(54), mask(58), mask(62), alpha] : undefined,
    palette: paletteOf(bits, core ? 0 : u32(46), { at: end + behind, pixelsAt, size }),
    pixelsAt,
  };
}

function codingOf(method: number, size: number, where: string): Coding {
  const os2 = isOs2(size);
  if (method === 1) return 'rle8';
  if (method === 2) return 'rle4';
  if (method === 0 || (!os2 && (method === 3 || method === 6))) return 'plain';
  if (!os2 && (method === 4 || method === 5)) return 'file';
  const name = ['Huffman', '24-bit run length'][method - 3] ?? `number ${method}`;
  throw new ImageError(where, { kind: 'unsupported', got: `a BMP with the coding ${name}` });
}

/** OS/2 entries have three bytes; in its second version only where four would not fit. */
function paletteOf(
  bits: number,
  given: number,
  { at, pixelsAt, size }: { at: number; pixelsAt: number; size: number },
): BmpHeader['palette'] {
  const full = coloursOf(bits);
  const colours = given > 0 ? Math.min(given, full) : full;
  const tight = isOs2(size) && at + 4 * colours > pixelsAt;
  return { at, entryBytes: size === CORE || tight ? 3 : 4 };
}

function coloursOf(bits: number): number {
  return bits <= 8 ? 2 ** bits : 0;
}

/** The fault of a file that has fewer bytes than it should. */
export function truncated(where: string, got: number, wanted: number): ImageError {
  return new ImageError(where, {
    kind: 'truncated',
    got: `a truncated file: ${got} bytes of ${wanted}`,
  });
}

/** The same image behind a header that every decoder reads; `pixels` are its bytes as they lie. */
export function plainBmp(bytes: Uint8Array, header: BmpHeader, pixels: Uint8Array): Uint8Array {
  const { width, height, topDown, bits, coding, masks, palette } = header;
  const method = coding === 'rle8' ? 1 : coding === 'rle4' ? 2 : masks === undefined ? 0 : 3;
  const colours = coloursOf(bits);
  const pixelsAt = FILE_HEADER + V4 + 4 * colours;
  const out = new Uint8Array(pixelsAt + pixels.length);
  const view = new DataView(out.buffer);
  const set = (at: number, value: number) => view.setUint32(at, value, true);
  out.set([0x42, 0x4d]);
  set(2, out.length);
  set(10, pixelsAt);
  set(14, V4);
  view.setInt32(18, width, true);
  view.setInt32(22, topDown ? -height : height, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, bits, true);
  set(30, method);
  set(34, pixels.length);
  set(46, colours);
  for (const [i, mask] of (masks ?? []).entries()) set(54 + 4 * i, mask);
  // all that pixels can name: colours that a file leaves out are whatever lies behind
  for (let i = 0; i < colours; i++) {
    const from = palette.at + i * palette.entryBytes;
    out.set(bytes.subarray(from, from + 3), FILE_HEADER + V4 + 4 * i);
  }
  out.set(pixels, pixelsAt);
  return out;
}
