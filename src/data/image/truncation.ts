// Whether a file that does not decode ends too early: each kind says where it should end. The words
// of the decoder are no help, they get lost where several images fail at the same time.

import type { ImageKind } from './sniff.ts';

/** True where a file was cut short. To be asked about files that do not decode. */
export function endsEarly(kind: ImageKind, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return cutTable[kind](view);
  } catch (cause) {
    if (cause instanceof RangeError) return true; // it was looked for behind the end
    throw cause;
  }
}

const cutTable: Readonly<Record<ImageKind, (view: DataView) => boolean>> = {
  jpeg: jpegCut,
  png: pngCut,
  gif: gifCut,
  webp: riffCut,
  avif: boxesCut,
  tiff: tiffCut,
  bmp: () => false, // bitmaps are measured before they are decoded
};

/** Segments with lengths up to a scan, whose data end at a marker (ITU-T T.81, B.1.1); EOI is last. */
function jpegCut(view: DataView): boolean {
  let at = 2;
  while (true) {
    if (view.getUint8(at) !== 0xff) return false; // damaged before its end
    const marker = view.getUint8(at + 1);
    if (marker === 0xd9) return false;
    if (marker === 0xff) at++;
    else at = marker === 0xda ? endOfScan(view, at) : at + 2 + view.getUint16(at + 2);
  }
}

/** Where the next marker is: neither a stuffed byte nor a restart. */
function endOfScan(view: DataView, scan: number): number {
  let at = scan + 2 + view.getUint16(scan + 2);
  while (true) {
    const next = view.getUint8(at + 1);
    const within = next === 0 || (next >= 0xd0 && next <= 0xd7);
    if (view.getUint8(at) === 0xff && !within) return at;
    at++;
  }
}

/** Chunks: length, type, data, checksum (PNG, 5.3); the last is IEND. */
function pngCut(view: DataView): boolean {
  let at = 8;
  while (view.getUint32(at + 4) !== 0x49454e44) at += 12 + view.getUint32(at);
  return false;
}

/** Extensions and images, each with a chain of sub-blocks, up to the trailer (GIF89a, appendix A). */
function gifCut(view: DataView): boolean {
  const table = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + table(view.getUint8(10));
  while (true) {
    const block = view.getUint8(at);
    if (block === 0x21) at += 2;
    else if (block === 0x2c) at += 11 + table(view.getUint8(at + 9));
    else return false;
    while (view.getUint8(at) !== 0) at += 1 + view.getUint8(at);
    at++;
  }
}

/** The container's length stands behind `RIFF`. */
function riffCut(view: DataView): boolean {
  return view.getUint32(4, true) + 8 > view.byteLength;
}

/** Boxes: length, type, data (ISO/IEC 14496-12, 4.2); 0 reaches to the end, 1 has 64 bits. */
function boxesCut(view: DataView): boolean {
  let at = 0;
  while (at < view.byteLength) {
    const length = view.getUint32(at);
    const whole = length === 1 ? Number(view.getBigUint64(at + 8)) : length;
    if (whole < 8) return false;
    at += whole;
  }
  return at > view.byteLength;
}

/** Bytes of a value by its type, from 1 (TIFF 6.0, section 2). */
const tiffSizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];

/** The first directory, the values that it points at, and the strips or tiles lie within the file. */
function tiffCut(view: DataView): boolean {
  const little = view.getUint16(0) === 0x4949;
  if (view.getUint16(2, little) === 43) return false; // BigTIFF
  const directory = view.getUint32(4, little);
  const values = new Map<number, number[]>();
  for (let i = 0; i < view.getUint16(directory, little); i++) {
    const entry = directory + 2 + 12 * i;
    const [tag, type] = [view.getUint16(entry, little), view.getUint16(entry + 2, little)];
    const count = view.getUint32(entry + 4, little);
    const size = tiffSizes[type] ?? 0;
    const at = count * size > 4 ? view.getUint32(entry + 8, little) : entry + 8;
    if (at + count * size > view.byteLength) return true;
    const value = (j: number) =>
      size === 2 ? view.getUint16(at + 2 * j, little) : view.getUint32(at + 4 * j, little);
    if (PLACES.includes(tag))
      values.set(
        tag,
        Array.from({ length: count }, (_, j) => value(j)),
      );
  }
  const [strips, stripBytes, tiles, tileBytes] = PLACES.map((tag) => values.get(tag) ?? []);
  const lengths = [...stripBytes, ...tileBytes];
  return [...strips, ...tiles].some((at, i) => at + (lengths[i] ?? 0) > view.byteLength);
}

/** Tags: where strips and tiles lie, and how long they are. */
const PLACES: readonly number[] = [273, 279, 324, 325];
