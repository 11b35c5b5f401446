// State dicts in pickles: which names stand for what, and the tensors that come out. Nothing but
// dictionaries and tensors is built, and those are ours.

import { fail } from '../core/errors.ts';
import { type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { fromStored, storedWidths } from '../core/stored-tensor.ts';
import type { HostTensor } from '../core/tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { PickleError, readPickle } from './pickle.ts';

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

/** As many axes as torch allows. */
const MAX_RANK = 64;
/** Numbers of all tensors for each one stored: tied weights have two, a hostile file any number. */
const MAX_SHARING = 8;

/** Numbers that several tensors may share, by torch's key and safetensors' name of their type. */
export class Storage {
  readonly key: string;
  readonly dtype: string;
  readonly count: number;

  constructor(key: string, dtype: string, count: number) {
    this.key = key;
    this.dtype = dtype;
    this.count = count;
  }
}

/** A tensor whose numbers are still in the file. Offset and strides count numbers. */
export class StoredTensor {
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

/** The bytes of storages by key. */
export type Numbers = Map<string, Uint8Array>;

/**
 * Runs the pickle at the byte `from` with nothing at hand but what builds state dicts. FM_FORMAT for
 * any other, caused by a PickleError where it is damaged.
 */
export function unpickle(
  source: ByteSource,
  bytes: Uint8Array,
  from: number,
): { value: unknown; end: number } {
  const allowed = allowList(bytes.length);
  const name = (path: string) => {
    if (allowed.has(path)) return allowed.get(path);
    throw fail('FM_FORMAT', source.path, {
      expected: 'a state dict: tensors in dictionaries',
      got: `a call of '${path.slice(0, 100)}', which was not made`,
      next: 'In PyTorch, save model.state_dict(), best with safetensors. Do not trust the file.',
    });
  };
  try {
    return readPickle(bytes, from, { name, persistent: storageOf });
  } catch (cause) {
    if (!(cause instanceof PickleError)) throw cause;
    throw source.damaged('a pickle', cause.message, cause);
  }
}

/** The whole allow-list: what names mean here. `work`: how many pairs may be copied in all. */
function allowList(work: number): Map<string, unknown> {
  let left = work;
  const orderedDict = (pairs: unknown = []) => {
    if (!Array.isArray(pairs)) throw new PickleError('a dictionary of another kind');
    left -= pairs.length;
    // the same list again and again
    if (left < 0) throw new PickleError('more in its dictionaries than it holds');
    if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
      throw new PickleError('a dictionary of another kind');
    }
    return new Map(pairs as [unknown, unknown][]);
  };
  const storages = Object.entries(storageTypes).map(([name, dtype]) => {
    return [`torch.${name}`, Object.freeze({ storage: dtype })] as const;
  });
  return new Map<string, unknown>([
    ['collections.OrderedDict', orderedDict],
    ['torch._utils._rebuild_tensor', (...args: unknown[]) => rebuildTensor(args)],
    ['torch._utils._rebuild_tensor_v2', (...args: unknown[]) => rebuildTensor(args)],
    ['torch._utils._rebuild_parameter', (tensor: unknown) => tensor],
    ['torch.Size', (sizes: unknown) => sizes],
    ...storages,
  ]);
}

/** ('storage', type, key, location, count, view) */
function storageOf(id: unknown): Storage {
  const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
  const { storage } = (type ?? {}) as { storage?: string };
  const named = typeof key === 'string' && typeof storage === 'string';
  if (kind !== 'storage' || !named || !isCount(count) || (view ?? null) !== null) {
    throw new PickleError('a storage of another kind');
  }
  return new Storage(key, storage, count);
}

function rebuildTensor([storage, offset, sizes, strides]: unknown[]) {
  const counts = (v: unknown): v is number[] =>
    Array.isArray(v) && v.length <= MAX_RANK && v.every(isCount);
  const fits = storage instanceof Storage && isCount(offset) && counts(sizes) && counts(strides);
  if (!fits || sizes.length !== strides.length) throw new PickleError('a tensor of another kind');
  const last = sizes.reduce((sum, size, i) => sum + (size - 1) * strides[i], offset);
  if (!sizes.includes(0) && !(last < storage.count)) {
    throw new PickleError(`a tensor beyond its storage '${storage.key}'`);
  }
  // strides of zero could make a tensor of any size out of one number
  if (sizeOf(sizes) > storage.count) throw new PickleError('a tensor larger than its storage');
  // copies: the pickle may go on and change its lists
  return new StoredTensor(storage, offset, [...sizes], [...strides]);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The tensors of the state dict, wherever a checkpoint keeps it. FM_FORMAT where there are none. */
export function stateDict(source: ByteSource, root: unknown): Map<string, StoredTensor> {
  const places = root instanceof Map ? [root, ...PLACES.map((place) => root.get(place))] : [];
  for (const place of places) {
    if (!(place instanceof Map)) continue;
    const tensors = [...place].filter(
      (entry): entry is [string, StoredTensor] =>
        typeof entry[0] === 'string' && entry[1] instanceof StoredTensor,
    );
    if (tensors.length > 0) return new Map(tensors);
  }
  const keys = root instanceof Map ? [...root.keys()].filter((k) => typeof k === 'string') : [];
  throw fail('FM_FORMAT', source.path, {
    expected: 'a state dict with tensors',
    got: keys.length > 0 ? `the keys ${keys.slice(0, 5).join(', ').slice(0, 200)}` : 'none',
    next: 'In PyTorch, save model.state_dict().',
  });
}

/** The storages of some tensors by key. */
export function storagesOf(tensors: ReadonlyMap<string, StoredTensor>): Map<string, Storage> {
  return new Map([...tensors.values()].map(({ storage }) => [storage.key, storage]));
}

/** The tensors out of their storages; those that lie in order share its memory. */
export function takeTensors(
  source: ByteSource,
  tensors: ReadonlyMap<string, StoredTensor>,
  numbers: Numbers,
): Map<string, HostTensor> {
  const all = [...tensors.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const stored = [...storagesOf(tensors).values()].reduce((sum, { count }) => sum + count, 0);
  if (all > MAX_SHARING * stored) throw source.damaged('tensors of their own', 'too many of one');
  const out = new Map<string, HostTensor>();
  for (const [name, { storage, offset, shape, strides }] of tensors) {
    const bytes = numbers.get(storage.key)!;
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
