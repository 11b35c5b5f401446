// What kind of image a file is, by its first bytes: file names lie, and sharp would also take SVG.

import { fail } from '../../core/errors.ts';

export type ImageKind = 'jpeg' | 'png' | 'gif' | 'webp' | 'tiff' | 'heif' | 'bmp';

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

const signatures: readonly (readonly [ImageKind, number, string])[] = [
  ['jpeg', 0, '\xff\xd8\xff'],
  ['png', 0, '\x89PNG\r\n\x1a\n'],
  ['gif', 0, 'GIF8'],
  ['webp', 8, 'WEBP'],
  ['tiff', 0, 'II*\0'],
  ['tiff', 0, 'MM\0*'],
  ['tiff', 0, 'II+\0'],
  ['tiff', 0, 'MM\0+'],
  ['heif', 4, 'ftyp'],
  ['bmp', 0, 'BM'],
];

/** The kind of an image file's bytes; throws FM_IMAGE, naming `where`, when they are none. */
export function sniffImage(bytes: Uint8Array, where: string): ImageKind {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  const match = signatures.find(([, offset, magic]) => head.startsWith(magic, offset));
  if (match) return match[0];
  throw fail('FM_IMAGE', where, {
    expected: 'a JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP file',
    got: describe(bytes, head),
    next: 'Replace the file or remove it from the dataset.',
  });
}

function describe(bytes: Uint8Array, head: string): string {
  if (bytes.length === 0) return 'an empty file';
  const isText = /^[\t\n\r\x20-\x7e]*$/.test(head);
  return isText ? `text (${JSON.stringify(head)})` : 'bytes of another kind';
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
