// Photographs to pixels in a browser, by its own decoders and a canvas. Text is an address there.

import { fail } from '../../core/errors.ts';
import type { RawImage } from '../../core/raw-image.ts';
import { DEFAULT_MAX_PIXELS, mustFit, SMALLEST_SIDE } from './limits.ts';
import {
  checkedPixels,
  describe,
  isObject,
  isStream,
  noPhotograph,
  type Photograph,
} from './photograph.ts';

/**
 * Decodes upright sRGB pixels, transparency on white. Throws FM_IMAGE for what the browser cannot decode
 * or fetch, and for what is too small or larger than `maxPixels`; FM_USAGE for what is no photograph.
 */
export async function decodeOnCanvas(
  photo: Photograph,
  maxPixels = DEFAULT_MAX_PIXELS,
): Promise<RawImage> {
  if (isPixels(photo)) return checkedPixels(photo);
  const { source, name } = await sourceOf(photo);
  const bitmap = await createImageBitmap(source, { imageOrientation: 'from-image' }).catch(
    (cause) => {
      throw undecodable(name, String((cause as Error)?.message ?? cause), cause);
    },
  );
  try {
    mustFit(bitmap, { maxPixels, smallestSide: SMALLEST_SIDE }, name);
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

function isPixels(photo: unknown): photo is RawImage {
  return isObject(photo) && !(photo instanceof Blob) && 'data' in photo;
}

async function sourceOf(photo: Photograph): Promise<{ source: Blob; name: string }> {
  if (typeof photo === 'string' || photo instanceof URL) {
    return { source: await fetched(`${photo}`), name: `${photo}` };
  }
  if (photo instanceof Blob) {
    return { source: photo, name: 'name' in photo ? `${photo.name}` : 'photograph' };
  }
  if (photo instanceof ArrayBuffer || ArrayBuffer.isView(photo)) {
    return { source: new Blob([photo as BlobPart]), name: 'photograph' };
  }
  if (isStream(photo)) {
    return { source: await new Response(photo as ReadableStream).blob(), name: 'stream' };
  }
  throw noPhotograph(describe(photo));
}

async function fetched(address: string): Promise<Blob> {
  const response = await fetch(address).catch((cause) => {
    throw undecodable(address, String((cause as Error)?.message ?? cause), cause);
  });
  if (!response.ok) throw undecodable(address, `status ${response.status} of the server`);
  return await response.blob();
}

function undecodable(name: string, got: string, cause?: unknown) {
  return fail('FM_IMAGE', name, {
    expected: 'an image that this browser decodes',
    got,
    next: 'Check the file, or convert it to JPEG or PNG.',
    cause,
  });
}

function pixelsOf(bitmap: ImageBitmap): RawImage {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', {
    willReadFrequently: true,
  })!;
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height, { colorSpace: 'srgb' }).data;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; o < data.length; i += 4, o += 3) {
    data[o] = rgba[i];
    data[o + 1] = rgba[i + 1];
    data[o + 2] = rgba[i + 2];
  }
  return { width, height, data };
}
