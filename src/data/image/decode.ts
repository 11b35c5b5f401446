// Encoded bytes to upright 8-bit sRGB pixels, and back. One of the few files that know sharp.

import sharp, { type Sharp } from 'sharp';
import type { DecodedImage, RawImage } from '../../core/raw-image.ts';
import { type BmpPixels, decodeBmp } from './bmp.ts';
import { readBmpHeader } from './bmp-header.ts';
import { ImageError } from './fault.ts';
import { DEFAULT_MAX_PIXELS, mustFit, type SizeLimits, SMALLEST_SIDE } from './limits.ts';
import { PixelBudget } from './pixel-budget.ts';
import type { ImageSize } from './preprocess.ts';
import { readImageFile } from './read-file.ts';
import { type ImageKind, jpegSize, sniffImage } from './sniff.ts';
import { endsEarly } from './truncation.ts';

sharp.concurrency(1); // parallelism comes from many calls in flight
sharp.cache(false);

export interface DecodeOptions extends SizeLimits {
  /**
   * The short side that the pixels will be resized to. The decoder may then shrink by 2, 4 or 8,
   * the largest of them that leaves the short side at or above `2 * minSide`. Default: never.
   */
  readonly minSide?: number;
  /** What messages call the image when it is given as bytes. Default: `image`. */
  readonly name?: string;
}

/** Ten photographs of 12 megapixels in this thread; what is larger waits for its turn. */
const budget = new PixelBudget(128_000_000);

/** Decodes as `decodeImage` does, and refuses what is too small to be recognised. */
export async function decodePhoto(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  return await decodeImage(source, { smallestSide: SMALLEST_SIDE, ...options });
}

/**
 * Decodes a file (by path) or its bytes: EXIF orientation applied, converted to sRGB, exactly three
 * channels, alpha flattened onto white, the first frame of an animation. Throws FM_IMAGE
 * (`ImageError`) for whatever is missing, empty, not an image, truncated, damaged, too small or
 * larger than `maxPixels`.
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  const where = typeof source === 'string' ? source : (options.name ?? 'image');
  const bytes = typeof source === 'string' ? await readImageFile(source) : source;
  const { maxPixels = DEFAULT_MAX_PIXELS, smallestSide = 1 } = options;
  const kind = sniffImage(bytes, where);
  const header = kind === 'bmp' ? readBmpHeader(bytes, where) : undefined;
  if (header?.coding === 'file') {
    const inner = bytes.subarray(header.pixelsAt);
    mustBePicture(inner, where);
    return await decodeImage(inner, { ...options, name: where });
  }
  const stored = header ?? (await storedSize(bytes, kind, where));
  mustFit(stored, { maxPixels, smallestSide }, where);
  return await budget.run(stored.width * stored.height, async () =>
    header
      ? await onWhite(await decodeBmp(bytes, header, where))
      : await decodeKnown(bytes, kind, where, { maxPixels, minSide: options.minSide }),
  );
}

/** A bitmap may hold a whole JPEG or PNG file, and no further bitmap. */
function mustBePicture(inner: Uint8Array, where: string): void {
  const kind = sniffImage(inner, where);
  if (kind === 'jpeg' || kind === 'png') return;
  throw new ImageError(where, { kind: 'damaged', got: `a bitmap of a ${kind} file` });
}

/** Width and height as they are stored, from the header alone. */
async function storedSize(bytes: Uint8Array, kind: ImageKind, where: string): Promise<ImageSize> {
  const known = kind === 'jpeg' ? jpegSize(bytes) : kind === 'png' ? pngSize(bytes) : undefined;
  if (known !== undefined) return { width: known[0], height: known[1] };
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return { width, height };
  } catch (cause) {
    throw decodingError(bytes, kind, where, cause);
  }
}

/** The first chunk of a PNG file is its header (PNG, 11.2.2). */
function pngSize(bytes: Uint8Array): [number, number] | undefined {
  if (bytes.length < 24) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [view.getUint32(16), view.getUint32(20)];
}

async function decodeKnown(
  bytes: Uint8Array,
  kind: ImageKind,
  where: string,
  options: SharpOptions,
): Promise<DecodedImage> {
  try {
    return await decodeWithSharp(bytes, options);
  } catch (cause) {
    const whole = kind === 'jpeg' ? await decodeUnended(bytes, options) : undefined;
    if (whole !== undefined) return whole;
    throw decodingError(bytes, kind, where, cause);
  }
}

/**
 * A JPEG file that lacks no more than its end marker (EOI), as some cameras leave it. Nothing else may
 * be amiss, which decoding at full size tells and decoding to a smaller one may not.
 */
async function decodeUnended(bytes: Uint8Array, options: SharpOptions) {
  if (bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9) return undefined;
  const ended = Buffer.concat([bytes, Buffer.from([0xff, 0xd9])]);
  const strict = { ...options, failOn: 'warning' as const, minSide: undefined };
  const full = await decodeWithSharp(ended, strict).catch(() => undefined);
  const shrinks = full !== undefined && options.minSide !== undefined;
  return shrinks ? await decodeWithSharp(ended, options) : full;
}

/** Transparent pixels become white. */
async function onWhite({ width, height, channels, data }: BmpPixels): Promise<DecodedImage> {
  const opaque =
    channels === 3
      ? data
      : await sharp(data, { raw: { width, height, channels } })
          .flatten({ background: '#ffffff' })
          .raw()
          .toBuffer();
  const size = { width, height, sourceWidth: width, sourceHeight: height };
  return { ...size, data: threeChannels(opaque, 3) };
}

interface SharpOptions extends Pick<DecodeOptions, 'minSide'> {
  readonly maxPixels: number;
  readonly failOn?: 'error' | 'warning';
}

async function decodeWithSharp(
  bytes: Uint8Array,
  { maxPixels, minSide, failOn = 'error' }: SharpOptions,
): Promise<DecodedImage> {
  // a conversion from sRGB to sRGB would take as long as the decoding
  const ignoreIcc = hasSrgbProfile(bytes);
  const input = sharp(bytes, {
    limitInputPixels: maxPixels,
    failOn,
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

function decodingError(bytes: Uint8Array, kind: ImageKind, where: string, cause: unknown) {
  const said = cause instanceof Error ? cause.message.split('\n')[0].trim() : String(cause);
  const reason = said === 'Unknown error' ? '' : ` (${said})`;
  if (/support is not configured/.test(said)) {
    return new ImageError(where, { kind: 'unsupported', got: `a ${kind} file${reason}` }, cause);
  }
  const what = endsEarly(kind, bytes) ? 'truncated' : 'damaged';
  return new ImageError(where, { kind: what, got: `a ${what} file${reason}` }, cause);
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
