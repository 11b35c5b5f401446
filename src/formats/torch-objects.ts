// What names in PyTorch's pickles stand for: tensors whose numbers are still in the file, dictionaries,
// and placeholders for all else. Nothing of PyTorch's or of anybody else's is looked up.

import { type Shape, sizeOf } from '../core/shape.ts';
import { storedWidths } from '../core/stored-tensor.ts';
import type { ByteSource } from './byte-source.ts';
import { Inert } from './inert.ts';
import { readPickle } from './pickle.ts';
import { PickleError } from './pickle-machine.ts';

/** Storage types by torch's names, as safetensors calls their numbers. */
const storageTypes: Readonly<Record<string, string>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  ComplexDoubleStorage: 'C128',
  ComplexFloatStorage: 'C64',
  QInt8Storage: 'QI8',
  QUInt8Storage: 'QU8',
  QInt32Storage: 'QI32',
};

/** The type that says nothing of its numbers but how many bytes they take. */
const UNTYPED = 'U8';

/** Types of tensors that have no storage type of their own. */
const newTypes: Readonly<Record<string, string>> = {
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
  uint16: 'U16',
  uint32: 'U32',
  uint64: 'U64',
};

/** Bytes for each number of the types that are not read, to know where others begin. */
const otherWidths: Readonly<Record<string, number>> = {
  I16: 2,
  I8: 1,
  U16: 2,
  U32: 4,
  U64: 8,
  C128: 16,
  C64: 8,
  QI8: 1,
  QU8: 1,
  QI32: 4,
};

/** As many axes as torch allows. */
const MAX_RANK = 64;
/** Of the functions that rebuild tensors. */
const MOST_ARGUMENTS = 8;

/** Bytes of a number of that type; undefined for a type that nobody knows here. */
export function widthOf(dtype: string): number | undefined {
  const widths = Object.hasOwn(storedWidths, dtype) ? storedWidths : otherWidths;
  return Object.hasOwn(widths, dtype) ? widths[dtype] : undefined;
}

/** Numbers that several tensors may share, by torch's key and safetensors' name of their type. */
export class Storage {
  readonly key: string;
  /** One that safetensors has no name for is called as in torch. */
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

export interface Unpickled {
  readonly value: unknown;
  /** Where the pickle ended. */
  readonly end: number;
  /** Every storage that it speaks of, by key. */
  readonly storages: ReadonlyMap<string, Storage>;
}

/**
 * Runs the pickle at the byte `from` with nothing at hand but what builds state dicts. FM_FORMAT,
 * caused by a PickleError, where it is damaged.
 */
export function unpickle(source: ByteSource, bytes: Uint8Array, from: number): Unpickled {
  const known = knownNames(bytes.length);
  const storages = new Map<string, Storage>();
  const name = (path: string) => (known.has(path) ? known.get(path) : new Inert(path));
  const persistent = (id: unknown) => {
    const object = persistentObject(id);
    if (object instanceof Storage) storages.set(object.key, object);
    return object;
  };
  try {
    return { ...readPickle(bytes, from, { name, persistent }), storages };
  } catch (cause) {
    if (!(cause instanceof PickleError)) throw cause;
    throw source.damaged('a pickle', cause.message, cause);
  }
}

/** All names that mean something here. `work`: how many pairs may be copied in all. */
function knownNames(work: number): ReadonlyMap<string, unknown> {
  let left = work;
  const orderedDict = (pairs: unknown = []) => {
    if (pairs instanceof Inert) return pairs;
    const list = pairs instanceof Map ? [...pairs] : pairs;
    if (!Array.isArray(list)) throw new PickleError('a dictionary of another kind');
    left -= list.length;
    // the same list again and again
    if (left < 0) throw new PickleError('more in its dictionaries than it holds');
    if (!list.every((pair) => Array.isArray(pair) && pair.length === 2)) {
      throw new PickleError('a dictionary of another kind');
    }
    return new Map(list as [unknown, unknown][]);
  };
  const typeOf = (name: string, dtype: string) =>
    [name, Object.freeze({ storage: dtype })] as const;
  return new Map<string, unknown>([
    ['collections.OrderedDict', orderedDict],
    ['torch._utils._rebuild_tensor', (...args: unknown[]) => rebuildTensor(args)],
    ['torch._utils._rebuild_tensor_v2', (...args: unknown[]) => rebuildTensor(args)],
    ['torch._utils._rebuild_tensor_v3', (...args: unknown[]) => rebuildNewTensor(args)],
    ['torch._utils._rebuild_parameter', (tensor: unknown) => tensor],
    ['torch._utils._rebuild_parameter_with_state', (tensor: unknown) => tensor],
    ['torch._tensor._rebuild_from_type_v2', rebuildSubclass],
    ['torch.Size', (sizes: unknown) => sizes],
    ...Object.entries(storageTypes).map(([name, dtype]) => typeOf(`torch.${name}`, dtype)),
    typeOf('torch.storage.UntypedStorage', UNTYPED),
    typeOf('torch.storage._UntypedStorage', UNTYPED),
  ]);
}

/** ('storage', type, key, location, count, view), or ('module', class, file, source) of old files. */
function persistentObject(id: unknown): Storage | Inert {
  const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
  if (kind === 'module' && type instanceof Inert) return type;
  const { storage = type instanceof Inert ? type.path : undefined } = (type ?? {}) as {
    storage?: string;
  };
  const named = typeof key === 'string' && typeof storage === 'string';
  if (kind !== 'storage' || !named || !isCount(count) || (view ?? null) !== null) {
    throw new PickleError('a storage of another kind');
  }
  return new Storage(key, storage, count);
}

function rebuildTensor([storage, offset, sizes, strides]: readonly unknown[]): StoredTensor {
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

/** (storage of bytes, offset, sizes, strides, trainable, hooks, type, ...) */
function rebuildNewTensor(args: readonly unknown[]): StoredTensor {
  const [bytes, ...rest] = args;
  const type = args[6];
  if (!(bytes instanceof Storage) || !(type instanceof Inert)) {
    throw new PickleError('a tensor of another kind');
  }
  const name = type.path.slice('torch.'.length);
  const dtype = Object.hasOwn(newTypes, name) ? newTypes[name] : type.path;
  const count = Math.floor(bytes.count / (widthOf(dtype) ?? 1));
  return rebuildTensor([new Storage(bytes.key, dtype, count), ...rest]);
}

/** (function, class, its arguments, attributes): a tensor of somebody's own class. */
function rebuildSubclass(rebuild: unknown, type: unknown, args: unknown): unknown {
  if (rebuild instanceof Inert) return new Inert(type instanceof Inert ? type.path : rebuild.path);
  if (rebuild !== rebuildSubclass && typeof rebuild === 'function' && Array.isArray(args)) {
    return rebuild(...args.slice(0, MOST_ARGUMENTS));
  }
  throw new PickleError('a tensor of another kind');
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
