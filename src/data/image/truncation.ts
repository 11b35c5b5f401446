// Whether a file that does not decode ends too early: each kind says where it should end. JPEG and
// GIF do not, there the decoder's words tell.

import type { ImageKind } from './sniff.ts';

/** True where the file was cut short; `reason` is what the decoder said. */
export function endsEarly(kind: ImageKind, bytes: Uint8Array, reason: string): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const structural = { png: pngCut, webp: riffCut, avif: boxesCut, tiff: tiffCut };
  if (kind in structural && structural[kind as keyof typeof structural](view)) return true;
  return /premature end|unexpected end|read error on|end of file/i.test(reason) && kind !== 'png';
}

/** Chunks: length, type, data, checksum (PNG, 5.3); the last is IEND. */
function pngCut(view: DataView): boolean {
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49454e44) return false;
  }
  return true;
}

/** The container's length stands behind `RIFF`. */
function riffCut(view: DataView): boolean {
  return view.byteLength < 12 || view.getUint32(4, true) + 8 > view.byteLength;
}

/** Boxes: length, type, data (ISO/IEC 14496-12, 4.2); 0 reaches to the end, 1 has 64 bits. */
function boxesCut(view: DataView): boolean {
  let at = 0;
  while (at + 16 <= view.byteLength) {
    const length = view.getUint32(at);
    if (length === 0) return false;
    const whole = length === 1 ? Number(view.getBigUint64(at + 8)) : length;
    if (whole < 8) return false;
    at += whole;
  }
  return at > view.byteLength;
}

/** The directory, which is often last, lies where the header says (TIFF 6.0, section 2). */
function tiffCut(view: DataView): boolean {
  if (view.byteLength < 8) return true;
  const little = view.getUint16(0) === 0x4949;
  if (view.getUint16(2, little) === 43) return false; // BigTIFF
  const at = view.getUint32(4, little);
  if (at + 2 > view.byteLength) return true;
  return at + 2 + 12 * view.getUint16(at, little) > view.byteLength;
}
