// PyTorch's own files: state dicts written by torch.save, as a zip archive (since 1.6) or as the
// stream of pickles before. Where their parts lie; what is in them says state-dict.ts.

import yauzl from 'yauzl';
import { fail } from '../core/errors.ts';
import type { HostTensor } from '../core/tensor.ts';
import { type ByteSource, type SourceOptions, withSource } from './byte-source.ts';
import { otherArchive } from './other-archives.ts';
import { ENDS_EARLY, PickleError } from './pickle-machine.ts';
import { findStateDict, type StateDict } from './state-dict.ts';
import { type Numbers, storagesOf, takeTensors } from './stored-numbers.ts';
import { type Storage, type Unpickled, unpickle, widthOf } from './torch-objects.ts';

/** Names and shapes take less by far; arrays of NumPy that stand beside them may take much. */
const MAX_PICKLE = 256 * 2 ** 20;
const MAX_ENTRIES = 100_000;
/** The pickle of the number 0x1950a86a20f9469cfc6c, which streams start with. */
const MAGIC = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');

/** The tensors of a state dict, and where the file keeps it. */
export interface Pth extends Pick<StateDict, 'unread' | 'place' | 'others'> {
  readonly tensors: Map<string, HostTensor>;
}

/** Reads the tensors of a state dict; floats of 8 and 16 bits are widened to float32. */
export async function readPth(path: string, options: SourceOptions = {}): Promise<Pth> {
  const read = async (source: ByteSource) => {
    const first = await source.bytes(0, Math.min(4, source.size));
    const isZip = first[0] === 0x50 && first[1] === 0x4b;
    const { state, numbers } = await (isZip ? readArchive(source) : readStream(source));
    return { ...state, tensors: takeTensors(source, state.tensors, numbers) };
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
  const other = otherArchive(source, [...places.keys()]);
  if (other !== undefined) throw other;
  const names = [...places.keys()].filter((name) => /(^|\/)data\.pkl$/.test(name));
  if (names.length !== 1) {
    throw source.damaged("an archive with one 'data.pkl'", `${names.length} of them`);
  }
  const folder = names[0].slice(0, -'data.pkl'.length);
  const pickle = places.get(names[0])!;
  if (pickle.size > MAX_PICKLE) {
    throw fail('FM_FORMAT', source.path, {
      expected: `a pickle of names and shapes, of at most ${MAX_PICKLE} bytes`,
      got: `${pickle.size}, as where numbers are kept in it that are no tensors`,
      next: 'In PyTorch, save the network with torch.save(model.state_dict(), FILE).',
    });
  }
  const state = findStateDict(source, unpickle(source, await readPlace(source, pickle), 0).value);
  const order = places.get(`${folder}byteorder`);
  if (order !== undefined && decodeText(await readPlace(source, order)) !== 'little') {
    throw source.damaged('numbers in little-endian order', 'another order');
  }
  const found = [...storagesOf(state.tensors).values()].map((storage) => {
    const place = places.get(`${folder}data/${storage.key}`);
    if (place === undefined) throw source.damaged(`numbers of storage '${storage.key}'`, 'none');
    return { storage, place };
  });
  const numbers: Numbers = new Map();
  // in the order of the file, which is that of the keys as text
  for (const { storage, place } of found.sort((x, y) => x.place.at - y.place.at)) {
    const expected = storage.count * widthOf(storage.dtype)!;
    if (place.size < expected) {
      throw source.damaged(`${expected} bytes in storage '${storage.key}'`, String(place.size));
    }
    numbers.set(storage.key, await readPlace(source, { ...place, size: expected }));
  }
  return { state, numbers };
}

interface Place {
  readonly at: number;
  readonly size: number;
  /** Not stored as it is. */
  readonly packed: boolean;
}

async function readPlace(source: ByteSource, { at, size, packed }: Place): Promise<Uint8Array> {
  if (packed) throw source.damaged('entries as they are', 'compressed or encrypted ones');
  return await source.bytes(at, size);
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
      const packed = entry.compressionMethod !== 0 || entry.isEncrypted();
      if (places.has(entry.fileName)) throw new Error(`two entries '${entry.fileName}'`);
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      const size = packed ? entry.compressedSize : entry.uncompressedSize;
      if (fileDataStart + size > source.size) {
        throw new Error(`'${entry.fileName}' reaches beyond the end of the file`);
      }
      places.set(entry.fileName, { at: fileDataStart, size, packed });
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
    const most = Math.min(size, MAX_PICKLE);
    const bytes = await source.bytes(0, Math.min(length, most));
    const parts = readParts(source, bytes, length < most);
    if (parts === undefined) continue;
    const state = findStateDict(source, parts.root.value);
    const numbers = await streamNumbers(source, parts, storagesOf(state.tensors));
    return { state, numbers };
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
    return { root, keys: keys.value, end: keys.end };
  } catch (error) {
    const cause = (error as Error).cause;
    if (more && cause instanceof PickleError && cause.message === ENDS_EARLY) return undefined;
    throw error;
  }
}

/** The numbers of the storages that are wanted; what comes between them is passed over. */
async function streamNumbers(
  source: ByteSource,
  { root, keys, end }: { root: Unpickled; keys: readonly unknown[]; end: number },
  wanted: ReadonlyMap<string, Storage>,
): Promise<Numbers> {
  const there = new Set(keys);
  const missing = [...wanted.keys()].find((key) => !there.has(key));
  if (missing !== undefined) throw source.damaged(`numbers of storage '${missing}'`, 'none');
  // a key that comes twice would be read twice
  if (there.size < keys.length) throw source.damaged('each storage once', 'one twice');
  const numbers: Numbers = new Map();
  let at = end;
  for (const key of keys) {
    const storage = typeof key === 'string' ? root.storages.get(key) : undefined;
    if (storage === undefined) throw source.damaged('storages of tensors', 'another one');
    const width = widthOf(storage.dtype);
    if (width === undefined) throw unknownWidth(source, storage);
    const head = await source.bytes(at, 8);
    const count = Number(new DataView(head.buffer).getBigInt64(0, true));
    if (count !== storage.count) {
      throw source.damaged(`${storage.count} numbers in storage '${storage.key}'`, String(count));
    }
    if (wanted.has(storage.key)) {
      numbers.set(storage.key, await source.bytes(at + 8, count * width));
      if (numbers.size === wanted.size) break;
    }
    at += 8 + count * width;
  }
  return numbers;
}

function unknownWidth(source: ByteSource, { dtype }: Storage) {
  return fail('FM_FORMAT', source.path, {
    expected: 'numbers of types that are known',
    got: `'${dtype.slice(0, 100)}', behind which the others cannot be found`,
    next: "In PyTorch, save the network's state_dict() alone, best with safetensors.",
  });
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim();
}
