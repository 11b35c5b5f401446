// An index on disk: one safetensors file. What describes it is JSON in the file's metadata; its
// items, which may be many, are a tensor of JSON bytes.

import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { z } from 'zod';
import { type FieldmarkError, fail } from '../core/errors.ts';
import { float32, type HostTensor, hostTensor } from '../core/tensor.ts';
import { updateHash } from '../formats/hash-file.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import type { IndexAbout, IndexedModel } from './index-about.ts';
import type { StoredItem, VectorStore } from './vector-store.ts';
import type { Whitening } from './whitening.ts';

/** A store that was read from a file. */
export interface LoadedIndex<Store extends VectorStore = VectorStore> {
  readonly store: Store;
  readonly about: IndexAbout;
}

/** Everything that an index file holds. */
export interface IndexContent {
  readonly items: readonly StoredItem[];
  /** Of unit norm, `[items.length, dimension]`. */
  readonly vectors: Float32Array;
  readonly dimension: number;
  readonly about: IndexAbout;
}

const path = z.string();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const modelSchema: z.ZodType<IndexedModel> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('run'), path, sha256 }),
  z.strictObject({
    kind: z.literal('weights'),
    path,
    sha256,
    backbone: z.string(),
    size: count.min(1),
    layers: z.union([z.literal(1), z.literal(2)]),
    flip: z.boolean(),
  }),
]);
/** Version 1 had the items in the header, and its hash left out model and shapes. */
const VERSION = 2;
const manifestSchema = z.strictObject({
  version: z.literal(VERSION, { error: ({ input }) => `${input}` }),
  metric: z.literal('cosine'),
  dimension: count.min(1),
  model: modelSchema,
});
const itemsSchema = z.array(z.strictObject({ id: z.string(), path, label: z.string().optional() }));

const MANIFEST = 'fieldmark_index';
/** SHA-256 over the text of the manifest and the tensors. */
const HASH = 'fieldmark_index_sha256';

/** Writes atomically. */
export async function writeIndex(place: string, content: IndexContent): Promise<void> {
  const { items, vectors, dimension, about } = content;
  const tensors = new Map<string, HostTensor>([
    ['vectors', float32([items.length, dimension], vectors)],
  ]);
  if (about.whitening !== undefined) {
    const { matrix, offset, from, to } = about.whitening;
    tensors.set('whitening.matrix', float32([to, from], matrix));
    tensors.set('whitening.offset', float32([to], offset));
  }
  // behind the numbers, which it would shift off their alignment
  const names = JSON.stringify(items.map(({ id, path, label }) => ({ id, path, label })));
  const bytes = new TextEncoder().encode(names);
  tensors.set('items', hostTensor('uint8', [bytes.length], bytes));
  const manifest: z.infer<typeof manifestSchema> = {
    version: VERSION,
    metric: 'cosine',
    dimension,
    model: about.model,
  };
  const text = JSON.stringify(manifest);
  await writeSafetensors(place, tensors, { [MANIFEST]: text, [HASH]: contentHash(text, tensors) });
}

/**
 * Reads and checks an index: FM_FORMAT for what is no whole safetensors file, FM_INDEX for none and for
 * one that is not an index of version 2 as it was written.
 */
export async function readIndex(place: string): Promise<IndexContent> {
  await mustBeThere(place);
  const { tensors, metadata } = await readSafetensors(place);
  const text = metadata[MANIFEST];
  if (text === undefined) {
    throw damaged(place, `an index (metadata '${MANIFEST}')`, 'another safetensors file');
  }
  const { dimension, model } = parse(place, `an index of version ${VERSION}`, text, manifestSchema);
  if (contentHash(text, tensors) !== metadata[HASH]) {
    throw damaged(place, 'the content whose SHA-256 it holds', 'another one');
  }
  const names = new TextDecoder().decode(tensors.get('items')?.data as Uint8Array | undefined);
  const items = parse(place, 'a list of photographs', names, itemsSchema);
  const vectors = tensors.get('vectors');
  if (vectors?.dtype !== 'float32' || vectors.shape.join() !== `${items.length},${dimension}`) {
    throw damaged(place, `${items.length} vectors of ${dimension}`, `${vectors?.shape}`);
  }
  return {
    items,
    dimension,
    vectors: vectors.data as Float32Array,
    about: { model, whitening: whiteningOf(tensors) },
  };
}

async function mustBeThere(place: string): Promise<void> {
  await access(place).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') return; // reading it says what is wrong
    throw fail('FM_INDEX', place, {
      expected: 'an index of photographs',
      got: 'no file',
      next: 'Check the path, or build it with --build.',
      cause,
    });
  });
}

function whiteningOf(tensors: ReadonlyMap<string, HostTensor>): Whitening | undefined {
  const [matrix, offset] = ['whitening.matrix', 'whitening.offset'].map((n) => tensors.get(n));
  if (matrix === undefined || offset === undefined) return undefined;
  return {
    from: matrix.shape[1],
    to: matrix.shape[0],
    matrix: matrix.data as Float32Array,
    offset: offset.data as Float32Array,
  };
}

function parse<T>(place: string, expected: string, text: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    const got = issue ? `${issue.path.join('.')}: ${issue.message}` : (cause as Error).message;
    throw damaged(place, expected, got.slice(0, 200), cause);
  }
}

/** Damage that keeps the format valid would otherwise go unnoticed. */
function contentHash(manifest: string, tensors: ReadonlyMap<string, HostTensor>): string {
  const hash = createHash('sha256').update(manifest);
  for (const [name, tensor] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([name, tensor.dtype, tensor.shape]));
    updateHash(hash, tensor.data);
  }
  return hash.digest('hex');
}

function damaged(place: string, expected: string, got: string, cause?: unknown): FieldmarkError {
  const next = 'Build the index again with --build and --overwrite.';
  return fail('FM_INDEX', place, { expected, got, next, cause });
}

/** Throws FM_INDEX unless queries come from the model that the index was built with. */
export function checkSameModel(place: string, indexed: IndexedModel, given: IndexedModel): void {
  const identity = ({ path: _, ...rest }: IndexedModel) => JSON.stringify(rest);
  if (identity(indexed) === identity(given)) return;
  throw fail('FM_INDEX', place, {
    expected: `queries described by ${showModel(indexed)}`,
    got: showModel(given),
    next: 'Name that model, or build the index again with this one.',
  });
}

/** `run 'runs/x' (1a2b3c...)`, for messages. */
export function showModel(model: IndexedModel): string {
  const hash = `${model.sha256.slice(0, 12)}...`;
  if (model.kind === 'run') return `the model of '${model.path}' (${hash})`;
  const { backbone, size, layers, flip } = model;
  const how = `${size} pixels, ${layers === 2 ? 'two layers' : 'one layer'}${flip ? ', flip' : ''}`;
  return `${backbone} with '${model.path}' (${hash}; ${how})`;
}
