// Hashes of what is large: a file without holding it in memory, bytes of any length.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** SHA-256 of the file's bytes, 64 hex digits in lower case. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** Takes in the bytes of an array of any length, `piece` at a time: Node refuses 2 GiB at once. */
export function updateHash(hash: Hash, array: ArrayBufferView, piece = 2 ** 28): void {
  const { buffer, byteOffset, byteLength } = array;
  for (let at = 0; at < byteLength; at += piece) {
    hash.update(new Uint8Array(buffer, byteOffset + at, Math.min(piece, byteLength - at)));
  }
}
