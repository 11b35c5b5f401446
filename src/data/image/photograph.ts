// A photograph in any form that a program may have it in.

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

/** What messages call a photograph. */
export function nameOf(photo: Photograph): string {
  return typeof photo === 'string' || photo instanceof URL ? `${photo}` : 'photograph';
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

export function isStream(value: unknown): value is AsyncIterable<unknown> {
  return isObject(value) && Symbol.asyncIterator in value;
}

/** For messages: what something is that should be a photograph. */
export function describe(value: unknown): string {
  if (!isObject(value)) return value === undefined || value === null ? `${value}` : typeof value;
  return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'no class'})`;
}

/** FM_USAGE for what is no photograph. */
export function noPhotograph(got: string, cause?: unknown) {
  return fail('FM_USAGE', 'photograph', {
    expected: 'a path, a file URL, bytes, a Blob, a stream of bytes, or { width, height, data }',
    got,
    next: 'What lies elsewhere is fetched first: the blob() of a Response is a photograph.',
    cause,
  });
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
