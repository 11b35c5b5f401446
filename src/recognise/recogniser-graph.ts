// The graph that is shipped: one image in; calibrated probabilities, a descriptor and evidence out.

import { zeros } from '../core/tensor.ts';
import { add, div, mul } from '../graph/ops/arithmetic.ts';
import { settable } from '../graph/ops/leaf.ts';
import { reshape } from '../graph/ops/movement.ts';
import { max, softmax } from '../graph/ops/reduce.ts';
import { slice } from '../graph/ops/slice.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';
import { gradientTimesMap } from '../methods/heat.ts';
import type { Method, MethodContext, Recognition } from '../methods/method.ts';
import { imageInput } from '../nn/image-input.ts';
import { evidenceCells, objectMap, placedLike } from '../nn/object-map.ts';
import type { Parameters } from '../nn/scope.ts';
import { layBack } from '../nn/zoom.ts';
import { CONTRAST } from './contrast.ts';

/** Outputs of the shipped graph for N images. */
export interface RecogniserOutputs extends Record<string, Value> {
  /** [N, K] */
  readonly logits: Value;
  /** softmax(logits / temperature), [N, K] */
  readonly probabilities: Value;
  /** Descriptor for search, [N, D]. */
  readonly embedding: Value;
  /** Where SCDA sees the object (`objectMap`), [N, cells, cells] evenly over the image. */
  readonly activation: Value;
  /** Where the explained score comes from, on the same cells. */
  readonly heat: Value;
}

/** Outputs with the logits of each scale that is looked at are called by this and its name. */
const SCALE = 'scale:';

/** Whether an output has the logits of a scale. */
export function isScale(output: string): boolean {
  return output.startsWith(SCALE);
}

/** What was returned of each scale, by name, coarsest first. */
export function scaleOutputs<T>(outputs: Readonly<Record<string, T>>): Record<string, T> {
  const found = Object.entries(outputs).filter(([name]) => isScale(name));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(SCALE.length), value]));
}

/**
 * Builds the recogniser for images of `size` x `size`. Methods may add `boxes`, `descriptors`
 * and scales.
 */
export function recogniserGraph(
  method: Method,
  context: MethodContext,
  parameters: Parameters,
  size: number,
  temperature = 1,
): RecogniserOutputs {
  const image = imageInput(1, size);
  const found = method.recogniser(context, parameters.root(), image);
  const { logits, embedding, boxes, descriptors, scales = {} } = found;
  const contrast = settable(CONTRAST, zeros([1, context.classes]));
  const score = add(sum(max(logits, [1])), sum(mul(logits, contrast)));
  return {
    logits,
    probabilities: softmax(mul(logits, 1 / temperature)),
    embedding,
    activation: objectMap(found, size),
    heat: heatOver(found, score, size),
    ...(boxes === undefined ? {} : { boxes }),
    ...(descriptors === undefined ? {} : { descriptors }),
    ...Object.fromEntries(Object.entries(scales).map(([name, of]) => [`${SCALE}${name}`, of])),
  };
}

/** What the whole image and squares of it add to the score; the mean over the cells is the sum. */
function heatOver({ map, heat, closer }: Recognition, score: Value, size: number): Value {
  const plain = closer === undefined ? gradientTimesMap(score, map) : undefined;
  const whole = heat?.(score) ?? plain;
  const squares = (closer ?? []).map(({ square, map: of, heat: cells }) => {
    const placed = placedLike(of, cells(score), size);
    const side = mul(slice(square, 1, 2, 3), 2);
    const share = reshape(mul(side, side), [side.shape[0], 1, 1]);
    return div(layBack(placed, square, evidenceCells(size)), share);
  });
  const parts = whole === undefined ? squares : [placedLike(map, whole, size), ...squares];
  return parts.reduce((total, part) => add(total, part));
}
