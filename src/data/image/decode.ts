// Encoded bytes to upright 8-bit sRGB pixels, and back. One of the few files that know sharp.

import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { fail } from '../../core/errors.ts';
import type { RawImage } from '../../core/raw-image.ts';
import { decodeBmp } from './bmp.ts';
import { jpegSize, sniffImage } from './sniff.ts';

sharp.concurrency(1); // parallelism comes from many calls in flight
sharp.cache(false);

export interface DecodeOptions {
  /**
   * The short side that the pixels will be resized to. The decoder may then shrink by 2, 4 or 8,
   * the largest of them that leaves the short side at or above `2 * minSide`. Default: never.
   */
  readonly minSide?: number;
  /** Images with more pixels than this are refused before they are decoded. Default: 100 million. */
  readonly maxPixels?: number;
  /** What messages call the image when it is given as bytes. Default: `image`. */
  readonly name?: string;
}

/** Pixels, and the upright size of the file: larger than the pixels when decoding shrank them. */
export interface DecodedImage extends RawImage {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
}

const DEFAULT_MAX_PIXELS = 100_000_000;

/**
 * Decodes a file (by path) or its bytes: EXIF orientation applied, converted to sRGB, exactly three
 * channels, alpha flattened onto white, the first frame of an animation. Throws FM_IMAGE for
 * whatever is missing, empty, not an image, truncated or larger than `maxPixels`.
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  const where = typeof source === 'string' ? source : (options.name ?? 'image');
  const bytes = typeof source === 'string' ? await readImageFile(source) : source;
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const kind = sniffImage(bytes, where);
  if (kind === 'bmp') {
    const image = decodeBmp(bytes, where, maxPixels);
    return { ...image, sourceWidth: image.width, sourceHeight: image.height };
  }
  try {
    return await decodeWithSharp(bytes, maxPixels, options.minSide);
  } catch (cause) {
    throw decodingError(where, maxPixels, cause);
  }
}

/** The bytes of an image file; FM_IMAGE when it cannot be read. */
export async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const got =
      code === 'ENOENT' || code === 'ENOTDIR'
        ? 'no such file'
        : code === 'EISDIR'
          ? 'a folder'
          : `a file that cannot be read (${code})`;
    const next = 'Restore the file or remove it from the dataset.';
    throw fail('FM_IMAGE', path, { expected: 'an image file', got, next, cause });
  }
}

async function decodeWithSharp(
  bytes: Uint8Array,
  maxPixels: number,
  minSide?: number,
): Promise<DecodedImage> {
  // a conversion from sRGB to sRGB would take as long as the decoding
  const ignoreIcc = hasSrgbProfile(bytes);
  const input = sharp(bytes, {
    limitInputPixels: maxPixels,
    failOn: 'error',
    ignoreIcc,
  }).autoOrient();
  const shrinks = minSide !== undefined && mayShrink(bytes, minSide);
  const full = shrinks ? await uprightSize(input) : undefined;
  const factor = full === undefined ? 1 : shrinkFactor(Math.min(...full), minSide!);
  if (factor > 1) {
    const [width, height] = full!.map((side) => Math.floor(side / factor));
    input.resize({ width, height, fit: 'fill', kernel: 'linear' });
  }
  const { data, info } = await input
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const pixels = threeChannels(data, info.channels);
  const { width, height } = info;
  const [sourceWidth, sourceHeight] = full ?? [width, height];
  return { width, height, data: pixels, sourceWidth, sourceHeight };
}

/** False where the header of a JPEG file says at once that it is too small to be shrunk. */
function mayShrink(bytes: Uint8Array, minSide: number): boolean {
  const size = jpegSize(bytes);
  return size === undefined || shrinkFactor(Math.min(...size), minSide) > 1;
}

/** True where an embedded ICC profile (ICC.1, near the start of the file) is sRGB itself. */
function hasSrgbProfile(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 65536));
  const at = head.indexOf('ICC_PROFILE\0', 0, 'latin1');
  // a description tag is 'desc', four zeros, a length and the name
  const name = at < 0 ? -1 : head.indexOf('desc\0\0\0\0', at + 128, 'latin1');
  return name >= 0 && head.toString('latin1', name + 12, name + 29) === 'sRGB IEC61966-2.1';
}

async function uprightSize(input: Sharp): Promise<[number, number]> {
  const { autoOrient } = await input.metadata();
  return [autoOrient.width, autoOrient.height];
}

/** The decoder's shrink: 1, 2, 4 or 8, leaving the short side at or above twice the target. */
export function shrinkFactor(shortSide: number, minSide: number): number {
  return [8, 4, 2].find((factor) => Math.floor(shortSide / factor) >= 2 * minSide) ?? 1;
}

// Grayscale keeps one channel through `toColourspace` when the output is raw.
function threeChannels(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  const count = data.length / channels;
  const out = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const from = i * channels;
    const gray = channels < 3;
    out[i * 3] = data[from];
    out[i * 3 + 1] = data[gray ? from : from + 1];
    out[i * 3 + 2] = data[gray ? from : from + 2];
  }
  return out;
}

function decodingError(where: string, maxPixels: number, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message.split('\n')[0].trim() : String(cause);
  if (/pixel limit/i.test(reason)) {
    const expected = `at most ${maxPixels} pixels`;
    const next = 'Scale the image down, or raise the limit if the file is trusted.';
    return fail('FM_IMAGE', where, { expected, got: 'a larger image', next, cause });
  }
  return fail('FM_IMAGE', where, {
    expected: 'an image that decodes to its end',
    got: `a damaged or truncated file (${reason})`,
    next: 'Replace the file or remove it from the dataset.',
    cause,
  });
}

/** PNG bytes of an image. */
export async function encodePng(image: RawImage): Promise<Uint8Array> {
  return await fromRaw(image).png().toBuffer();
}

/** JPEG bytes of an image, without chroma subsampling; `quality` in 1..100. */
export async function encodeJpeg(image: RawImage, quality = 90): Promise<Uint8Array> {
  return await fromRaw(image).jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer();
}

function fromRaw({ width, height, data }: RawImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}
