// Runs a foreign graph on noise: the shapes of its tensors, and whether it takes any batch.

import { FieldmarkError, fail } from '../core/errors.ts';
import { randomStream } from '../core/random.ts';
import { type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import { OnnxBuilder } from '../graph/onnx/builder.ts';
import type { ForeignGraph } from '../graph/onnx/foreign.ts';
import { FLOAT32, writeForeign } from '../graph/ops/embed.ts';
import type { PixelScale } from '../nn/image-input.ts';
import { createSession } from '../runtime/node.ts';
import type { TrunkInput } from './trunk-input.ts';

export interface ProbeOptions {
  readonly graph: ForeignGraph;
  readonly input: TrunkInput;
  readonly size: number;
  readonly pixels: PixelScale;
  /** File, for messages. */
  readonly path: string;
}

/** A row of a batch may differ from the same image alone by so much of the largest number. */
const NOISE = 1e-3;
const HALF_NOISE = 2e-2;

/** Shapes of the tensors for one image, leading axis included. FM_TRUNK where it does not run. */
export async function shapesOfTensors(
  options: ProbeOptions,
  names: readonly string[],
): Promise<Shape[]> {
  try {
    const [result] = await run(options, names, [[noise(options, 0)]]);
    return names.map((_, i) => result[i].shape);
  } catch (cause) {
    if (!(cause instanceof FieldmarkError)) throw cause;
    throw fail('FM_TRUNK', options.path, {
      expected: `a graph that ONNX Runtime runs on one image of ${options.size} x ${options.size}`,
      got: cause.message.replaceAll(/\s+/g, ' ').slice(0, 400),
      next: 'Check --size and --set trunk.layout, or export it again, for any number of images.',
      cause,
    });
  }
}

/** Whether the rows of a batch of two are those of the two images alone. */
export async function runsInBatches(
  options: ProbeOptions,
  names: readonly string[],
): Promise<boolean> {
  const [a, b] = [noise(options, 0), noise(options, 1)];
  try {
    const [one, other, both] = await run(options, names, [[a], [b], [a, b]]);
    const noisy = options.input.type === FLOAT32 ? NOISE : HALF_NOISE;
    return both.every((rows, i) => isStack(rows, [one[i], other[i]], noisy));
  } catch (cause) {
    if (cause instanceof FieldmarkError) return false; // the engine's, about shapes
    throw cause;
  }
}

/** The tensors for each batch of images. */
async function run(
  options: ProbeOptions,
  names: readonly string[],
  batches: readonly (readonly Float32Array[])[],
): Promise<HostTensor[][]> {
  const { size } = options;
  const free = batches.some((batch) => batch.length > 1);
  const session = await createSession(probeModel(options, names, free), { quiet: true });
  try {
    const results: HostTensor[][] = [];
    for (const batch of batches) {
      const rows = new Float32Array(batch.length * 3 * size * size);
      batch.forEach((image, i) => {
        rows.set(image, i * image.length);
      });
      const out = await session.run({ image: float32([batch.length, 3, size, size], rows) });
      results.push(names.map((_, i) => out[`t${i}`]));
    }
    return results;
  } finally {
    await session.close();
  }
}

/** The graph behind an input of ours, with the tensors as outputs of whatever shape. */
function probeModel(
  { graph, input, size }: ProbeOptions,
  names: readonly string[],
  free: boolean,
): Uint8Array {
  const b = new OnnxBuilder({ opset: graph.opset, freeBatch: free ? 'batch' : undefined });
  const image = b.graphInput('image', { shape: [1, 3, size, size], dtype: 'float32' });
  writeForeign(b, graph, input, names, image).forEach((value, i) => {
    b.graphOutput(`t${i}`, value, { dtype: 'float32' });
  });
  return b.bytes();
}

/** A noisy photograph as the network sees it, [3, size, size]. */
function noise({ size, pixels: { mean, std } }: ProbeOptions, index: number): Float32Array {
  const stream = randomStream(0, 'trunk', index);
  const plane = size * size;
  return Float32Array.from({ length: 3 * plane }, (_, i) => {
    const channel = Math.floor(i / plane);
    return (stream.integer(256) / 255 - mean[channel]) / std[channel];
  });
}

function isStack(rows: HostTensor, parts: readonly HostTensor[], noisy: number): boolean {
  const [n, ...rest] = rows.shape;
  if (n !== parts.length || parts.some(({ shape }) => !sameShape([1, ...rest], shape)))
    return false;
  const width = sizeOf(rest);
  const numbers = rows.data as Float32Array;
  const scale = numbers.reduce((top, v) => Math.max(top, Math.abs(v)), 1e-6);
  return parts.every(({ data }, k) =>
    (data as Float32Array).every((v, i) => Math.abs(v - numbers[k * width + i]) <= noisy * scale),
  );
}
