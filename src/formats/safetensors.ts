// The safetensors format: a length, a JSON header, raw tensors. Nothing in a file is trusted:
// every offset is checked against the shape, its neighbours and the size of the file.

import { fail } from '../core/errors.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { fromStored, storedWidths, typeInWords } from '../core/stored-tensor.ts';
import { bytesOf, bytesPerElement, type HostTensor } from '../core/tensor.ts';
import { writeAtomic } from './atomic-file.ts';
import { type ByteSource, MAX_BYTES, type SourceOptions, withSource } from './byte-source.ts';

export interface Safetensors {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Types of the tensors that were left out, by name. */
  readonly unread: ReadonlyMap<string, string>;
}

export interface SafetensorsOptions extends SourceOptions {
  /** Leaves out what has a type that no tensor here can have. Elsewhere that is an error. */
  readonly foreign?: true;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/** No list of names and shapes is longer; parsed, it takes some twenty times as much. */
const MAX_HEADER = 16 * 2 ** 20;

const names = {
  float64: 'F64',
  float32: 'F32',
  int64: 'I64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

/** Reads a whole file. Floats of 8 and 16 bits are widened to float32. */
export async function readSafetensors(
  path: string,
  options: SafetensorsOptions = {},
): Promise<Safetensors> {
  const read = async (source: ByteSource) => {
    const { entries, metadata, start } = await readHeader(source, options.foreign);
    const found = new Map<string, HostTensor>();
    const unread = new Map<string, string>();
    for (const { name, dtype, shape, begin, end } of inFileOrder(entries)) {
      if (!isKnown(dtype)) {
        unread.set(name, typeInWords(dtype));
        continue;
      }
      const bytes = await source.bytes(start + begin, end - begin);
      found.set(name, fromStored(dtype, shape, bytes));
    }
    const known = entries.filter(({ name }) => found.has(name));
    const tensors = new Map(known.map(({ name }) => [name, found.get(name)!]));
    return { tensors, metadata, unread };
  };
  return await withSource(path, 'a safetensors file', read, options);
}

function inFileOrder(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
}

function isKnown(dtype: string): boolean {
  return Object.hasOwn(storedWidths, dtype);
}

async function readHeader(source: ByteSource, foreign?: true) {
  const { size } = source;
  if (size < 8) throw source.damaged('at least 8 bytes', `${size}`);
  const prefix = await source.bytes(0, 8);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (8 + length > size) {
    throw source.damaged(`a header within the file's ${size} bytes`, `a header of ${length} bytes`);
  }
  if (length > MAX_HEADER)
    throw source.damaged(`a header of at most ${MAX_HEADER} bytes`, `${length}`);
  const text = await source.bytes(8, length);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw source.damaged('a JSON header', (cause as Error).message);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw source.damaged('a JSON object as header', show(header));
  }
  const { __metadata__: metadata = {}, ...rest } = header as Record<string, unknown>;
  const start = 8 + length;
  const entries = Object.entries(rest).map(([name, value]) =>
    checkEntry(source, name, value, foreign),
  );
  checkLayout(source, entries, size - start);
  return { entries, metadata: checkMetadata(source, metadata), start };
}

function checkMetadata(source: ByteSource, metadata: unknown): Record<string, string> {
  const fine =
    typeof metadata === 'object' &&
    metadata !== null &&
    Object.values(metadata).every((value) => typeof value === 'string');
  if (!fine) throw source.damaged('text in __metadata__', show(metadata));
  return metadata as Record<string, string>;
}

function checkEntry(source: ByteSource, name: string, value: unknown, foreign?: true): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const count = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  const fine =
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every(count) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(count);
  if (!fine) throw source.damaged(`dtype, shape and offsets of '${name}'`, show(value));
  const [begin, end] = offsets;
  if (!isKnown(dtype)) {
    if (foreign && begin <= end) return { name, dtype, shape, begin, end };
    throw source.damaged(`a type of ${Object.keys(storedWidths).join(', ')} for '${name}'`, dtype);
  }
  const width = storedWidths[dtype];
  if (end - begin !== sizeOf(shape) * width) {
    throw source.damaged(`${sizeOf(shape) * width} bytes for '${name}'`, `${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** The start of a value, for messages. */
function show(value: unknown): string {
  try {
    return JSON.stringify(value).slice(0, 80);
  } catch {
    return 'lists within lists'; // so deep that the stack does not suffice
  }
}

/** Tensors must tile the rest of the file: no overlap, nothing outside. */
function checkLayout(source: ByteSource, entries: readonly Entry[], available: number): void {
  let at = 0;
  for (const { name, begin, end } of inFileOrder(entries)) {
    if (begin !== at) throw source.damaged(`'${name}' to start at byte ${at}`, `${begin}`);
    at = end;
  }
  if (at !== available) throw source.damaged(`${at} bytes of tensors`, `${available}`);
}

/**
 * The file's bytes, in pieces that share memory with the tensors. Deterministic in entry order.
 * FM_FORMAT, naming the file as `where`, for what `readSafetensors` would refuse for its size.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
  where = 'a safetensors file',
): Uint8Array[] {
  // no prototype: a tensor may be called __proto__
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let at = 0;
  for (const [name, tensor] of tensors) {
    const length = sizeOf(tensor.shape) * bytesPerElement[tensor.dtype];
    if (length > MAX_BYTES) throw tooLarge(where, `'${name}'`, MAX_BYTES, length);
    const end = at + length;
    header[name] = { dtype: names[tensor.dtype], shape: tensor.shape, data_offsets: [at, end] };
    at = end;
  }
  // a header that is a multiple of 8 keeps the tensors aligned for readers that map the file
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  if (padded.length > MAX_HEADER) throw tooLarge(where, 'the header', MAX_HEADER, padded.length);
  padded.set(text);
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [prefix, padded, ...[...tensors.values()].map(bytesOf)];
}

function tooLarge(where: string, what: string, most: number, length: number) {
  const expected = `at most ${most} bytes for ${what}`;
  const next = 'Store less in one file; what was there before is unharmed.';
  return fail('FM_FORMAT', where, { expected, got: `${length}`, next });
}

/** Writes atomically. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeAtomic(path, encodeSafetensors(tensors, metadata, path));
}
