// PyTorch's own files: state dicts written by torch.save, as a zip archive (since 1.6) or as the
// stream of pickles before. Where their parts lie; what is in them says state-dict.ts.

import yauzl from 'yauzl';
import { storedWidths } from '../core/stored-tensor.ts';
import type { HostTensor } from '../core/tensor.ts';
import { type ByteSource, type SourceOptions, withSource } from './byte-source.ts';
import { ENDS_EARLY, PickleError } from './pickle.ts';
import {
  type Numbers,
  type Storage,
  stateDict,
  storagesOf,
  takeTensors,
  unpickle,
} from './state-dict.ts';

/** No pickle of names and shapes is larger. */
const MAX_PICKLE = 64 * 2 ** 20;
const MAX_ENTRIES = 100_000;
/** The pickle of the number 0x1950a86a20f9469cfc6c, which streams start with. */
const MAGIC = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');

/** Reads the tensors of a state dict; half precision is widened to float32. */
export async function readPth(
  path: string,
  options: SourceOptions = {},
): Promise<Map<string, HostTensor>> {
  const read = async (source: ByteSource) => {
    const first = await source.bytes(0, Math.min(4, source.size));
    const isZip = first[0] === 0x50 && first[1] === 0x4b;
    const { tensors, numbers } = await (isZip ? readArchive(source) : readStream(source));
    return takeTensors(source, tensors, numbers);
  };
  return await withSource(path, "one of PyTorch's", read, options);
}

/** True where a file starts as one of PyTorch's: an archive, or a stream of pickles. */
export function looksLikePth(start: Uint8Array): boolean {
  const zip = start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
  return zip || MAGIC.compare(start.subarray(0, MAGIC.length)) === 0;
}

// ---------------------------------------------------------------------------------- archives

async function readArchive(source: ByteSource) {
  const places = await archivePlaces(source);
  const names = [...places.keys()].filter((name) => /(^|\/)data\.pkl$/.test(name));
  if (names.length !== 1) {
    throw source.damaged("an archive with one 'data.pkl'", `${names.length} of them`);
  }
  const folder = names[0].slice(0, -'data.pkl'.length);
  const pickle = places.get(names[0])!;
  if (pickle.size > MAX_PICKLE) {
    throw source.damaged(`a pickle of at most ${MAX_PICKLE} bytes`, String(pickle.size));
  }
  const { value } = unpickle(source, await source.bytes(pickle.at, pickle.size), 0);
  const tensors = stateDict(source, value);
  const order = places.get(`${folder}byteorder`);
  if (order !== undefined && decodeText(await source.bytes(order.at, order.size)) !== 'little') {
    throw source.damaged('numbers in little-endian order', 'another order');
  }
  const found = [...storagesOf(tensors).values()].map((storage) => {
    const place = places.get(`${folder}data/${storage.key}`);
    if (place === undefined) throw source.damaged(`numbers of storage '${storage.key}'`, 'none');
    return { storage, place };
  });
  const numbers: Numbers = new Map();
  // in the order of the file, which is that of the keys as text
  for (const { storage, place } of found.sort((x, y) => x.place.at - y.place.at)) {
    const expected = storage.count * storedWidths[storage.dtype];
    if (place.size < expected) {
      throw source.damaged(`${expected} bytes in storage '${storage.key}'`, String(place.size));
    }
    numbers.set(storage.key, await source.bytes(place.at, expected));
  }
  return { tensors, numbers };
}

interface Place {
  readonly at: number;
  readonly size: number;
}

/** Where the entries' bytes are. torch stores them as they are, so they are read in place. */
async function archivePlaces(source: ByteSource): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  try {
    const zip = await yauzl.fromFdPromise(source.file.fd, { autoClose: false });
    if (zip.entryCount > MAX_ENTRIES) {
      throw new Error(`${zip.entryCount} entries, more than ${MAX_ENTRIES}`);
    }
    for await (const entry of zip.eachEntry()) {
      if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
        throw new Error(`'${entry.fileName}' is compressed or encrypted`);
      }
      if (places.has(entry.fileName)) throw new Error(`two entries '${entry.fileName}'`);
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      if (fileDataStart + entry.uncompressedSize > source.size) {
        throw new Error(`'${entry.fileName}' reaches beyond the end of the file`);
      }
      places.set(entry.fileName, { at: fileDataStart, size: entry.uncompressedSize });
    }
  } catch (cause) {
    throw source.damaged('an archive as torch.save writes it', (cause as Error).message, cause);
  }
  return places;
}

// ----------------------------------------------------------------------------------- streams

/** Magic number, protocol, system, the object, keys of storages, then each one's count and numbers. */
async function readStream(source: ByteSource) {
  const { size } = source;
  if (size < MAGIC.length) throw source.damaged('a file of PyTorch', `${size} bytes`);
  for (let length = 2 ** 20; ; length *= 8) {
    const bytes = await source.bytes(0, Math.min(length, size));
    const parts = readParts(source, bytes, length < Math.min(size, MAX_PICKLE));
    if (parts === undefined) continue;
    const tensors = stateDict(source, parts.root);
    return { tensors, numbers: await streamNumbers(source, parts, storagesOf(tensors)) };
  }
}

/** The pickles at the start; undefined where they may go on behind the bytes at hand. */
function readParts(source: ByteSource, bytes: Uint8Array, more: boolean) {
  if (MAGIC.compare(bytes.subarray(0, MAGIC.length)) !== 0) {
    throw source.damaged("an archive or PyTorch's magic number", 'something else');
  }
  try {
    const protocol = unpickle(source, bytes, MAGIC.length);
    const system = unpickle(source, bytes, protocol.end);
    const root = unpickle(source, bytes, system.end);
    const keys = unpickle(source, bytes, root.end);
    if (!Array.isArray(keys.value)) throw source.damaged('a list of storages', typeof keys.value);
    return { root: root.value, keys: keys.value, end: keys.end };
  } catch (error) {
    const cause = (error as Error).cause;
    if (more && cause instanceof PickleError && cause.message === ENDS_EARLY) return undefined;
    throw error;
  }
}

async function streamNumbers(
  source: ByteSource,
  { keys, end }: { readonly keys: readonly unknown[]; readonly end: number },
  storages: ReadonlyMap<string, Storage>,
): Promise<Numbers> {
  const there = new Set(keys);
  const missing = [...storages.keys()].find((key) => !there.has(key));
  if (missing !== undefined) throw source.damaged(`numbers of storage '${missing}'`, 'none');
  const numbers: Numbers = new Map();
  let at = end;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    // a storage of something else than tensors of the state dict: its width is not known
    if (storage === undefined) throw source.damaged('storages of tensors', 'another one');
    const head = await source.bytes(at, 8);
    const count = Number(new DataView(head.buffer).getBigInt64(0, true));
    if (count !== storage.count) {
      throw source.damaged(`${storage.count} numbers in storage '${storage.key}'`, String(count));
    }
    const length = count * storedWidths[storage.dtype];
    // a key that comes twice would be read twice
    if (numbers.has(storage.key)) throw source.damaged('each storage once', 'one twice');
    numbers.set(storage.key, await source.bytes(at + 8, length));
    at += 8 + length;
  }
  return numbers;
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim();
}
