// An ONNX file with all that belongs to it: numbers that stand in files beside it are read in.

import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { sizeOf } from '../core/shape.ts';
import { type ByteSource, withSource } from '../formats/byte-source.ts';
import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  TensorProto,
} from '../graph/onnx/generated/onnx_pb.ts';
import { parseOnnx } from '../graph/onnx/reader.ts';
import { bodiesOf } from '../graph/onnx/rename.ts';
import { isExternal } from '../graph/onnx/tensor.ts';

/** A model of which no number is missing. */
export interface OnnxFile {
  readonly model: ModelProto & { graph: GraphProto };
  /** SHA-256 of the file and of what it takes from others, hex. */
  readonly hash: string;
}

/** No protobuf message may be larger, and no file that we write from one. */
const LIMIT = 2 ** 31 - 1;

/** Reads a model. FM_FORMAT for what is no model, is too large, or lacks a file beside it. */
export async function readOnnxFile(path: string): Promise<OnnxFile> {
  return await withSource(path, 'an ONNX model', async (source) => {
    if (source.size > LIMIT) throw tooLarge(source, source.size);
    const bytes = await source.bytes(0, source.size);
    const hash = createHash('sha256').update(bytes);
    const model = parseOnnx(bytes, path);
    let total = source.size;
    for (const tensor of tensorsIn(model.graph)) {
      if (!isExternal(tensor)) continue;
      const place = placeOf(source, tensor);
      total += place.length ?? 0;
      if (total > LIMIT) throw tooLarge(source, total);
      tensor.rawData = await readPlace(source, tensor, place);
      tensor.dataLocation = 0;
      tensor.externalData = [];
      hash.update(tensor.rawData);
    }
    return { model, hash: hash.digest('hex') };
  });
}

function tooLarge(source: ByteSource, bytes: number) {
  return source.damaged('a model below 2 GB, with the files beside it', `${bytes} bytes`);
}

/** Every tensor of a graph, those within nodes too. */
function* tensorsIn(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  for (const node of graph.node) {
    yield* node.attribute.flatMap(tensorsOf);
    for (const body of bodiesOf(node)) yield* tensorsIn(body);
  }
}

function tensorsOf({ t, tensors }: AttributeProto): TensorProto[] {
  return t === undefined ? tensors : [t, ...tensors];
}

interface Place {
  readonly file: string;
  readonly offset: number;
  /** Absent: to the end of the file. */
  readonly length?: number;
}

/** Where a tensor's numbers stand. Nothing outside the model's folder is read. */
function placeOf(source: ByteSource, tensor: TensorProto): Place {
  const about = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = about.get('location') ?? '';
  const parts = location.split(/[\\/]/);
  if (location === '' || /^([\\/]|[A-Za-z]:)/.test(location) || parts.includes('..')) {
    const where = `'${tensor.name}' in a file of the model's folder`;
    throw source.damaged(where, location === '' ? 'no name' : `'${location}'`);
  }
  const count = (key: string): number | undefined => {
    const value = about.get(key);
    if (value === undefined) return undefined;
    if (/^\d{1,15}$/.test(value)) return Number(value);
    throw source.damaged(`a whole number as ${key} of '${tensor.name}'`, `'${value}'`);
  };
  return {
    file: join(dirname(source.path), location),
    offset: count('offset') ?? 0,
    length: count('length'),
  };
}

async function readPlace(source: ByteSource, tensor: TensorProto, place: Place) {
  const kind = `a file with numbers of ${source.path}; copy both together`;
  return await withSource(place.file, kind, async (beside) => {
    const length = place.length ?? beside.size - place.offset;
    if (length > LIMIT) throw tooLarge(source, length);
    const count = sizeOf(tensor.dims.map(Number));
    if (count > 0 && length === 0) throw beside.damaged(`numbers of '${tensor.name}'`, 'none');
    return await beside.bytes(place.offset, Math.max(0, length));
  });
}
