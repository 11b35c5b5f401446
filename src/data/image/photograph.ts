// A photograph in any form that a program may have it in, made into something that can be decoded.

import { fileURLToPath } from 'node:url';
import { fail } from '../../core/errors.ts';
import type { RawImage } from '../../core/raw-image.ts';

/** An image file: where it lies, its bytes, or where its bytes come from. */
export type ImageFile =
  | string
  | URL
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** A photograph: an image file in any form, or pixels. */
export type Photograph = ImageFile | RawImage;

/** Pixels, the path of an image file, or its bytes with what messages call them. */
export type ReadPhotograph =
  | { readonly pixels: RawImage }
  | { readonly file: string | Uint8Array; readonly name?: string };

/**
 * Reads what is not a path. A stream is read to its end, so it serves once. Throws FM_USAGE for what
 * is no photograph, and FM_IMAGE where a stream breaks off.
 */
export async function readPhotograph(photo: Photograph): Promise<ReadPhotograph> {
  if (typeof photo === 'string') return { file: pathOf(photo) };
  if (photo instanceof URL) return { file: pathOfUrl(photo) };
  if (photo instanceof ArrayBuffer) return { file: new Uint8Array(photo) };
  if (ArrayBuffer.isView(photo)) {
    return { file: new Uint8Array(photo.buffer, photo.byteOffset, photo.byteLength) };
  }
  if (photo instanceof Blob) {
    const name = 'name' in photo && typeof photo.name === 'string' ? photo.name : undefined;
    return { file: new Uint8Array(await photo.arrayBuffer()), name };
  }
  if (isStream(photo)) return { file: await readToEnd(photo), name: 'stream' };
  if (isObject(photo) && 'data' in photo) return { pixels: checkedPixels(photo as RawImage) };
  throw noPhotograph(describe(photo));
}

/** What can be read twice: a stream is read to its end, the rest is as it was. */
export async function rereadable(photo: Photograph): Promise<Photograph> {
  return isStream(photo) ? await readToEnd(photo) : photo;
}

/** What messages call a photograph. */
export function nameOf(photo: Photograph): string {
  return typeof photo === 'string' || photo instanceof URL ? `${photo}` : 'photograph';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return isObject(value) && Symbol.asyncIterator in value;
}

function describe(value: unknown): string {
  if (!isObject(value)) return value === undefined || value === null ? `${value}` : typeof value;
  return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'no class'})`;
}

function noPhotograph(got: string, cause?: unknown) {
  return fail('FM_USAGE', 'photograph', {
    expected: 'a path, a file URL, bytes, a Blob, a stream of bytes, or { width, height, data }',
    got,
    next: 'What lies elsewhere is fetched first: the blob() of a Response is a photograph.',
    cause,
  });
}

/** Addresses are told from paths, as a file of that name there is none. */
function pathOf(text: string): string {
  if (text === '') throw noPhotograph('an empty path');
  if (text.startsWith('file://')) return pathOfUrl(new URL(text));
  const scheme = /^(https?|data|blob):/.exec(text)?.[1];
  if (scheme !== undefined) throw noPhotograph(`a ${scheme} address`);
  return text;
}

function pathOfUrl(url: URL): string {
  if (url.protocol !== 'file:') throw noPhotograph(`a ${url.protocol.slice(0, -1)} address`);
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw noPhotograph(`the address ${url}, which no path belongs to`, cause);
  }
}

async function readToEnd(stream: AsyncIterable<unknown>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError(`a chunk of ${describe(chunk)}`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw fail('FM_IMAGE', 'stream', {
      expected: 'the bytes of an image file to its end',
      got: (cause as Error).message,
      next: 'A stream serves once: open it anew, or keep its bytes.',
      cause,
    });
  }
  return Buffer.concat(chunks);
}

/** Pixels that are as many as they should be; throws FM_USAGE for others. */
export function checkedPixels({ width, height, data: given }: RawImage): RawImage {
  const data = bytesOf(given);
  const whole = [width, height].every((side) => Number.isInteger(side) && side > 0);
  if (whole && data?.length === width * height * 3) return { width, height, data };
  throw fail('FM_USAGE', 'photograph', {
    expected: 'pixels as red, green and blue bytes: width x height x 3 of them',
    got: `${data ? `${data.length} bytes` : describe(given)} for ${width} x ${height} pixels`,
    next:
      data?.length === width * height * 4
        ? 'Leave out every fourth byte, the opacity.'
        : 'Check width, height and data.',
  });
}

function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof Uint8Array) return data;
  if (!(data instanceof Uint8ClampedArray)) return undefined;
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}
