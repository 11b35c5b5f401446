// A photograph in any form, read so that it can be decoded.

import { fileURLToPath } from 'node:url';
import { fail } from '../../core/errors.ts';
import type { RawImage } from '../../core/raw-image.ts';
import {
  checkedPixels,
  describe,
  isObject,
  isStream,
  noPhotograph,
  type Photograph,
} from './photograph.ts';

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
