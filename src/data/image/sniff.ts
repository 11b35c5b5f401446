// What kind of image a file is, by its first bytes: file names lie, and sharp would also take SVG.

import { ImageError, type ImageFault } from './fault.ts';

export type ImageKind = 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'avif' | 'bmp';

/** Extensions of files that can be read, in lower case and without the dot: datasets look for these. */
export const imageExtensions: readonly string[] = [
  'jpg',
  'jpeg',
  'jpe',
  'jfif',
  'pjpeg',
  'png',
  'apng',
  'webp',
  'avif',
  'gif',
  'tif',
  'tiff',
  'bmp',
  'dib',
];

const HEIC_STEP =
  "Convert HEIC to JPEG, for example with 'heif-convert IN.HEIC OUT.jpg' or, on a Mac, " +
  "'sips -s format jpeg IN.HEIC --out OUT.jpg'.";
const RAW_STEP = 'Export raw files as JPEG from the program that developed them.';
const NO_PHOTO_STEP = 'Take a still picture from it, or leave it out.';

/** Extensions of photographs that cannot be read, with what to do about them. */
export const foreignExtensions: ReadonlyMap<string, string> = new Map([
  ...['heic', 'heif', 'hif'].map((name) => [name, HEIC_STEP] as const),
  ...['cr2', 'cr3', 'nef', 'arw', 'dng', 'raf', 'orf', 'rw2', 'pef', 'srw'].map(
    (name) => [name, RAW_STEP] as const,
  ),
  ...['jxl', 'jp2', 'j2k', 'psd', 'svg', 'ico', 'tga', 'ppm', 'pgm', 'exr', 'hdr'].map(
    (name) => [name, 'Convert it to JPEG or PNG with any image program.'] as const,
  ),
]);

type Signature<T> = readonly [T, offset: number, magic: string];

const signatures: readonly Signature<ImageKind>[] = [
  ['jpeg', 0, '\xff\xd8\xff'],
  ['png', 0, '\x89PNG\r\n\x1a\n'],
  ['gif', 0, 'GIF8'],
  ['webp', 8, 'WEBP'],
  ['tiff', 0, 'II*\0'],
  ['tiff', 0, 'MM\0*'],
  ['tiff', 0, 'II+\0'],
  ['tiff', 0, 'MM\0+'],
  ['bmp', 0, 'BM'],
];

interface ForeignKind {
  readonly name: string;
  readonly next?: string;
}

const raw = (name: string): ForeignKind => ({ name: `a raw file (${name})`, next: RAW_STEP });

/** Kinds that people take for photographs; before `signatures`, because raw files are TIFF too. */
const foreign: readonly Signature<ForeignKind>[] = [
  [raw('Canon CR2'), 0, 'II*\0\x10\0\0\0CR'],
  [raw('Canon CR3'), 4, 'ftypcrx'],
  [raw('Fujifilm RAF'), 0, 'FUJIFILM'],
  [raw('Olympus ORF'), 0, 'IIRO'],
  [raw('Panasonic RW2'), 0, 'IIU\0'],
  [{ name: 'a JPEG XL file' }, 0, '\xff\x0a'],
  [{ name: 'a JPEG XL file' }, 4, 'JXL '],
  [{ name: 'a JPEG 2000 file' }, 4, 'jP  '],
  [{ name: 'a Photoshop file' }, 0, '8BPS'],
  [{ name: 'an icon file' }, 0, '\0\0\x01\0'],
  [{ name: 'a PDF file' }, 0, '%PDF'],
  [{ name: 'a PPM file' }, 0, 'P6\n'],
  [{ name: 'a PGM file' }, 0, 'P5\n'],
];

/** Brands of ISO base media files (ISO/IEC 14496-12 and 23008-12) whose pictures are HEVC. */
const hevcBrands: readonly string[] = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx'];

/**
 * The kind of an image file's bytes; throws FM_IMAGE, naming `where`, when they are none or of a
 * kind that cannot be decoded.
 */
export function sniffImage(bytes: Uint8Array, where: string): ImageKind {
  const head = latin1(bytes, 16);
  const found = <T>(table: readonly Signature<T>[]) =>
    table.find(([, offset, magic]) => head.startsWith(magic, offset))?.[0];
  const strange = found(foreign);
  if (strange !== undefined) throw new ImageError(where, unsupported(strange));
  if (head.startsWith('ftyp', 4)) return mediaKind(bytes, where);
  const kind = found(signatures);
  if (kind !== undefined) return kind;
  throw new ImageError(where, strangeBytes(bytes, latin1(bytes, 512)));
}

function latin1(bytes: Uint8Array, length: number): string {
  return String.fromCharCode(...bytes.subarray(0, length));
}

/** AVIF shares its container with HEIC and with films: the brands in its first box tell. */
function mediaKind(bytes: Uint8Array, where: string): ImageKind {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const box = latin1(bytes, Math.min(size, 256));
  const brands = [box.slice(8, 12), ...(box.slice(16).match(/.{4}/gs) ?? [])];
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return 'avif';
  const isPicture = brands.some((brand) => hevcBrands.includes(brand) || /^m[is]f1$/.test(brand));
  const kind = isPicture
    ? { name: 'a HEIC photograph, whose HEVC coding cannot be read here', next: HEIC_STEP }
    : { name: 'a film', next: NO_PHOTO_STEP };
  throw new ImageError(where, unsupported(kind));
}

function unsupported({ name, next }: ForeignKind): ImageFault {
  return { kind: 'unsupported', got: name, next };
}

function strangeBytes(bytes: Uint8Array, head: string): ImageFault {
  if (bytes.length === 0) return { kind: 'empty', got: 'an empty file' };
  if (/^\s*<(!doctype html|html|head)/i.test(head)) {
    const next = 'Download the image itself: what was saved is the page of an error or a login.';
    return { kind: 'not-an-image', got: 'a web page (HTML)', next };
  }
  const start = head.slice(0, 16);
  const isText = /^[\t\n\r\x20-\x7e]*$/.test(start);
  const jpegAt = head.indexOf('\xff\xd8\xff');
  if (isText) return { kind: 'not-an-image', got: `text (${JSON.stringify(start)})` };
  if (jpegAt > 0) {
    return { kind: 'damaged', got: `a JPEG file behind ${jpegAt} bytes that do not belong to it` };
  }
  const zeros = bytes.every((byte) => byte === 0);
  return { kind: 'not-an-image', got: zeros ? 'nothing but zeros' : 'bytes of another kind' };
}

/**
 * Width and height from the frame header of a JPEG file (ITU-T T.81, B.2.2), before orientation;
 * undefined where there is none.
 */
export function jpegSize(bytes: Uint8Array): [number, number] | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    while (bytes[at + 1] === 0xff) at++; // fill bytes (B.1.1.2)
    const marker = bytes[at + 1];
    if (at + 9 >= bytes.length) return undefined;
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) {
      return [bytes[at + 7] * 256 + bytes[at + 8], bytes[at + 5] * 256 + bytes[at + 6]];
    }
    at += 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  return undefined;
}
