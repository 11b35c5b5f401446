// The safetensors format: a length, a JSON header, raw tensors. Nothing in a file is trusted:
// every offset is checked against the shape, its neighbours and the size of the file.

import { type FileHandle, open } from 'node:fs/promises';
import { fail } from '../core/errors.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { bytesOf, type HostTensor } from '../core/tensor.ts';
import { writeAtomic } from './atomic-file.ts';
import { fromStored, storedWidths } from './stored-tensor.ts';

export interface Safetensors {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

const MAX_HEADER = 100 * 2 ** 20;

const names = {
  float64: 'F64',
  float32: 'F32',
  int64: 'I64',
  int32: 'I32',
  uint8: 'U8',
  bool: 'BOOL',
};

/** Reads a whole file. Half-precision tensors are widened to float32. */
export async function readSafetensors(path: string): Promise<Safetensors> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw fail('FM_FORMAT', path, {
      expected: 'a safetensors file',
      got: (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no file' : String(cause),
      next: 'Check the path.',
      cause,
    });
  }
  try {
    const about = await file.stat();
    if (!about.isFile()) throw damaged(path, 'a file', 'a folder or device');
    const { size } = about;
    const { entries, metadata, start } = await readHeader(path, file, size);
    const tensors = new Map<string, HostTensor>();
    for (const entry of entries) {
      const bytes = new Uint8Array(entry.end - entry.begin);
      await readExactly(path, file, bytes, start + entry.begin);
      tensors.set(entry.name, fromStored(entry.dtype, entry.shape, bytes));
    }
    return { tensors, metadata };
  } finally {
    await file.close();
  }
}

function damaged(path: string, expected: string, got: string) {
  return fail('FM_FORMAT', path, {
    expected,
    got,
    next: 'The file is damaged or not a safetensors file; fetch or write it again.',
  });
}

async function readExactly(
  path: string,
  file: FileHandle,
  target: Uint8Array,
  position: number,
): Promise<void> {
  let read = 0;
  while (read < target.length) {
    const { bytesRead } = await file.read(target, read, target.length - read, position + read);
    if (bytesRead === 0)
      throw damaged(path, `${target.length} bytes`, `${read}: the file ends early`);
    read += bytesRead;
  }
}

async function readHeader(path: string, file: FileHandle, size: number) {
  if (size < 8) throw damaged(path, 'at least 8 bytes', `${size}`);
  const prefix = new Uint8Array(8);
  await readExactly(path, file, prefix, 0);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > MAX_HEADER || 8 + length > size) {
    throw damaged(path, `a header within the file's ${size} bytes`, `a header of ${length} bytes`);
  }
  const text = new Uint8Array(length);
  await readExactly(path, file, text, 8);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw damaged(path, 'a JSON header', (cause as Error).message);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw damaged(path, 'a JSON object as header', JSON.stringify(header).slice(0, 40));
  }
  const { __metadata__: metadata = {}, ...rest } = header as Record<string, unknown>;
  const start = 8 + length;
  const entries = Object.entries(rest).map(([name, value]) => checkEntry(path, name, value));
  checkLayout(path, entries, size - start);
  return { entries, metadata: checkMetadata(path, metadata), start };
}

function checkMetadata(path: string, metadata: unknown): Record<string, string> {
  const fine =
    typeof metadata === 'object' &&
    metadata !== null &&
    Object.values(metadata).every((value) => typeof value === 'string');
  if (!fine) throw damaged(path, 'text in __metadata__', JSON.stringify(metadata).slice(0, 40));
  return metadata as Record<string, string>;
}

function checkEntry(path: string, name: string, value: unknown): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const count = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  const fine =
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every(count) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every(count);
  if (!fine)
    throw damaged(
      path,
      `dtype, shape and offsets of '${name}'`,
      JSON.stringify(value).slice(0, 80),
    );
  const width = Object.hasOwn(storedWidths, dtype) ? storedWidths[dtype] : undefined;
  if (width === undefined) {
    throw damaged(path, `a type of ${Object.keys(storedWidths).join(', ')} for '${name}'`, dtype);
  }
  const [begin, end] = offsets;
  if (end - begin !== sizeOf(shape) * width) {
    throw damaged(path, `${sizeOf(shape) * width} bytes for '${name}'`, `${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Tensors must tile the rest of the file: no overlap, nothing outside. */
function checkLayout(path: string, entries: readonly Entry[], available: number): void {
  const sorted = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of sorted) {
    if (begin !== at) throw damaged(path, `'${name}' to start at byte ${at}`, `${begin}`);
    at = end;
  }
  if (at !== available) throw damaged(path, `${at} bytes of tensors`, `${available}`);
}

/** The file's bytes, in pieces that share memory with the tensors. Deterministic in entry order. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let at = 0;
  for (const [name, tensor] of tensors) {
    const end = at + bytesOf(tensor).length;
    header[name] = { dtype: names[tensor.dtype], shape: tensor.shape, data_offsets: [at, end] };
    at = end;
  }
  // a header that is a multiple of 8 keeps the tensors aligned for readers that map the file
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(padded.length), true);
  return [prefix, padded, ...[...tensors.values()].map(bytesOf)];
}

/** Writes atomically. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeAtomic(path, encodeSafetensors(tensors, metadata));
}
