// PyTorch's own files: state dicts written by torch.save, as a zip archive (since 1.6) or as the
// stream of pickles before. A pickle is a program; here it may call nothing but what builds
// dictionaries and tensors, and those are ours.

import { BufferReader, Parser } from 'pickleparser';
import yauzl from 'yauzl';
import { fail } from '../core/errors.ts';
import { type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { fromStored, storedWidths } from '../core/stored-tensor.ts';
import type { HostTensor } from '../core/tensor.ts';
import { type ByteSource, withSource } from './byte-source.ts';

/** Storage types by torch's names, as safetensors calls their numbers. */
const storageTypes: Readonly<Record<string, string>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

/** Where state dicts are kept in training checkpoints, in the order of preference. */
const PLACES = ['state_dict_ema', 'model_ema', 'state_dict', 'model_state_dict', 'model', 'net'];

/** No pickle of names and shapes is larger. */
const MAX_PICKLE = 64 * 2 ** 20;
const MAX_ENTRIES = 100_000;
/** The pickle of the number 0x1950a86a20f9469cfc6c, which streams start with. */
const MAGIC = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');

/** Numbers that several tensors may share. */
class Storage {
  readonly key: string;
  readonly dtype: string;
  readonly count: number;

  constructor(key: string, dtype: string, count: number) {
    this.key = key;
    this.dtype = dtype;
    this.count = count;
  }
}

/** A tensor whose numbers are still in the file. */
class StoredTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];

  constructor(storage: Storage, offset: number, shape: Shape, strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A dictionary that takes no attributes: `_metadata` of state dicts is of no use here. */
class OrderedDict extends Map<unknown, unknown> {
  __setstate__(): void {}
}

/** Reads the tensors of a state dict; half precision is widened to float32. */
export async function readPth(path: string): Promise<Map<string, HostTensor>> {
  return await withSource(path, "one of PyTorch's", async (source) => {
    const first = await source.bytes(0, Math.min(4, source.size));
    const isZip = first[0] === 0x50 && first[1] === 0x4b;
    return await (isZip ? readArchive(source) : readStream(source));
  });
}

/** True where a file starts as one of PyTorch's: an archive, or a stream of pickles. */
export function looksLikePth(start: Uint8Array): boolean {
  const zip = start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4;
  return zip || MAGIC.compare(start.subarray(0, MAGIC.length)) === 0;
}

// ---------------------------------------------------------------------------------- archives

async function readArchive(source: ByteSource): Promise<Map<string, HostTensor>> {
  const places = await archivePlaces(source);
  const names = [...places.keys()].filter((name) => /(^|\/)data\.pkl$/.test(name));
  if (names.length !== 1) {
    throw source.damaged("an archive with one 'data.pkl'", `${names.length} of them`);
  }
  const folder = names[0].slice(0, -'data.pkl'.length);
  const order = places.get(`${folder}byteorder`);
  if (order !== undefined && decodeText(await source.bytes(order.at, order.size)) !== 'little') {
    throw source.damaged('numbers in little-endian order', 'another order');
  }
  const pickle = places.get(names[0])!;
  if (pickle.size > MAX_PICKLE) {
    throw source.damaged(`a pickle of at most ${MAX_PICKLE} bytes`, String(pickle.size));
  }
  const reader = new BufferReader(await source.bytes(pickle.at, pickle.size));
  const tensors = stateDict(source, unpickle(source, reader));
  return await load(source, tensors, async ({ key, dtype, count }) => {
    const place = places.get(`${folder}data/${key}`);
    const expected = count * storedWidths[dtype];
    if (place === undefined) throw source.damaged(`numbers of storage '${key}'`, 'none');
    if (place.size < expected) {
      throw source.damaged(`${expected} bytes in storage '${key}'`, String(place.size));
    }
    return await source.bytes(place.at, expected);
  });
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
async function readStream(source: ByteSource): Promise<Map<string, HostTensor>> {
  const { size } = source;
  if (size < MAGIC.length) throw source.damaged('a file of PyTorch', `${size} bytes`);
  for (let length = 2 ** 20; ; length *= 8) {
    const reader = new BufferReader(await source.bytes(0, Math.min(length, size)));
    const more = length < Math.min(size, MAX_PICKLE);
    const parts = readParts(source, reader, more);
    if (parts === undefined) continue;
    const tensors = stateDict(source, parts.root);
    const numbers = await streamPlaces(source, reader.position, parts.keys, tensors);
    return await load(source, tensors, ({ key, dtype, count }) =>
      source.bytes(numbers.get(key)!, count * storedWidths[dtype]),
    );
  }
}

/** The pickles at the start; undefined where they may go on behind the bytes at hand. */
function readParts(source: ByteSource, reader: BufferReader, more: boolean) {
  try {
    if (MAGIC.compare(Uint8Array.from(reader.bytes(MAGIC.length))) !== 0) {
      throw source.damaged("an archive or PyTorch's magic number", 'something else');
    }
    unpickle(source, reader);
    unpickle(source, reader);
    const root = unpickle(source, reader);
    const keys = unpickle(source, reader);
    if (!Array.isArray(keys)) throw source.damaged('a list of storages', typeof keys);
    return { root, keys: keys.map(String) };
  } catch (error) {
    if (more && /ends early/.test((error as Error).message)) return undefined;
    throw error;
  }
}

async function streamPlaces(
  source: ByteSource,
  start: number,
  keys: readonly string[],
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<Map<string, number>> {
  const storages = new Map([...tensors.values()].map(({ storage }) => [storage.key, storage]));
  const places = new Map<string, number>();
  let at = start;
  for (const key of keys) {
    const storage = storages.get(key);
    // a storage of something else than tensors of the state dict: its width is not known
    if (storage === undefined) throw source.damaged(`a tensor in storage '${key}'`, 'none');
    const head = await source.bytes(at, 8);
    const count = Number(new DataView(head.buffer).getBigInt64(0, true));
    if (count !== storage.count) {
      throw source.damaged(`${storage.count} numbers in storage '${key}'`, String(count));
    }
    places.set(key, at + 8);
    at += 8 + count * storedWidths[storage.dtype];
  }
  for (const key of storages.keys()) {
    if (!places.has(key)) throw source.damaged(`numbers of storage '${key}'`, 'none');
  }
  return places;
}

// ----------------------------------------------------------------------------------- pickles

/** Runs one pickle with nothing at hand but what builds state dicts. */
function unpickle(source: ByteSource, reader: BufferReader): unknown {
  let refused: Error | undefined;
  const allowed = allowList();
  const parser = new Parser({
    unpicklingTypeOfDictionary: 'Map',
    nameResolver: {
      resolve: (module: string, name: string) => {
        const found = allowed.get(`${module}.${name}`);
        if (found !== undefined) return found as never;
        const known = module === 'torch' && Object.hasOwn(storageTypes, name);
        const type = known ? storageTypes[name] : undefined;
        if (type !== undefined) return Object.freeze({ storage: type }) as never;
        refused = fail('FM_FORMAT', source.path, {
          expected: 'a state dict: tensors in dictionaries',
          got: `a call of '${module}.${name}', which was not made`,
          next: 'In PyTorch, save model.state_dict(), best with safetensors. Do not trust the file.',
        });
        throw refused;
      },
    },
    persistentResolver: { resolve: (id: unknown) => storageOf(id) as never },
  });
  try {
    return parser.read(reader);
  } catch (cause) {
    if (refused !== undefined) throw refused;
    const message = (cause as Error).message;
    const got = /end of file/i.test(message) ? 'one that ends early' : message;
    throw source.damaged('a pickle', got, cause);
  }
}

/** The whole allow-list, with storages: what these names mean here. Functions of their own a pickle. */
function allowList(): Map<string, unknown> {
  return new Map<string, unknown>([
    [
      'collections.OrderedDict',
      (pairs: unknown) => new OrderedDict(Array.isArray(pairs) ? pairs : []),
    ],
    ['torch._utils._rebuild_tensor', (...args: unknown[]) => rebuildTensor(args)],
    ['torch._utils._rebuild_tensor_v2', (...args: unknown[]) => rebuildTensor(args)],
    ['torch._utils._rebuild_parameter', (tensor: unknown) => tensor],
    ['torch.Size', (sizes: unknown) => sizes],
  ]);
}

/** ('storage', type, key, location, count, view) */
function storageOf(id: unknown): Storage {
  const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
  const { storage } = (type ?? {}) as { storage?: string };
  const fits = kind === 'storage' && typeof storage === 'string' && isCount(count);
  if (!fits || (view ?? null) !== null) throw new Error('a storage of another kind');
  return new Storage(String(key), storage, count);
}

function rebuildTensor([storage, offset, sizes, strides]: unknown[]) {
  const counts = (v: unknown): v is number[] => Array.isArray(v) && v.every(isCount);
  const fits = storage instanceof Storage && isCount(offset) && counts(sizes) && counts(strides);
  if (!fits || sizes.length !== strides.length) throw new Error('a tensor of another kind');
  const last = sizes.reduce((sum, size, i) => sum + (size - 1) * strides[i], offset);
  if (!sizes.includes(0) && !(last < storage.count)) {
    throw new Error(`a tensor beyond its storage '${storage.key}'`);
  }
  // strides of zero could make a tensor of any size out of one number
  if (sizeOf(sizes) > storage.count) throw new Error('a tensor larger than its storage');
  return Object.freeze(new StoredTensor(storage, offset, sizes, strides));
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

// -------------------------------------------------------------------------------- state dicts

/** The tensors of the state dict, wherever a checkpoint keeps it. */
function stateDict(source: ByteSource, root: unknown): Map<string, StoredTensor> {
  const places = root instanceof Map ? [root, ...PLACES.map((place) => root.get(place))] : [];
  for (const place of places) {
    if (!(place instanceof Map)) continue;
    const tensors = [...place].filter(([, value]) => value instanceof StoredTensor);
    if (tensors.length === 0) continue;
    return new Map(tensors.map(([name, tensor]) => [String(name), tensor as StoredTensor]));
  }
  const got = root instanceof Map ? `the keys ${[...root.keys()].slice(0, 5).join(', ')}` : 'none';
  throw fail('FM_FORMAT', source.path, {
    expected: 'a state dict with tensors',
    got,
    next: 'In PyTorch, save model.state_dict().',
  });
}

/** Reads each storage once; tensors that lie in order share its memory. */
async function load(
  source: ByteSource,
  tensors: ReadonlyMap<string, StoredTensor>,
  read: (storage: Storage) => Promise<Uint8Array>,
): Promise<Map<string, HostTensor>> {
  const storages = new Map<string, Uint8Array>();
  const out = new Map<string, HostTensor>();
  for (const [name, { storage, offset, shape, strides }] of tensors) {
    let bytes = storages.get(storage.key);
    if (bytes === undefined) {
      bytes = await read(storage);
      storages.set(storage.key, bytes);
    }
    const width = storedWidths[storage.dtype];
    if (bytes.length < storage.count * width) {
      throw source.damaged(`${storage.count} numbers for '${name}'`, String(bytes.length / width));
    }
    const own = inOrder(shape, strides)
      ? bytes.subarray(offset * width, (offset + sizeOf(shape)) * width)
      : gathered(bytes, width, offset, shape, strides);
    out.set(name, fromStored(storage.dtype, shape, own));
  }
  return out;
}

function inOrder(shape: Shape, strides: readonly number[]): boolean {
  const dense = stridesOf(shape);
  return shape.every((size, i) => size <= 1 || strides[i] === dense[i]);
}

/** A tensor that lies in another order, such as channels_last, in row-major order. */
function gathered(
  bytes: Uint8Array,
  width: number,
  offset: number,
  shape: Shape,
  strides: readonly number[],
): Uint8Array {
  const out = new Uint8Array(sizeOf(shape) * width);
  const index = new Array<number>(shape.length).fill(0);
  for (let to = 0; to < out.length; to += width) {
    const at = index.reduce((sum, i, axis) => sum + i * strides[axis], offset) * width;
    out.set(bytes.subarray(at, at + width), to);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return out;
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim();
}
