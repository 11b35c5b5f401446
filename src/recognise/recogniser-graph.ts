// The graph that is shipped: one image in; calibrated probabilities, a descriptor and evidence out.

import { mul } from '../graph/ops/arithmetic.ts';
import { softmax } from '../graph/ops/reduce.ts';
import type { Value } from '../graph/value.ts';
import type { Method, MethodContext } from '../methods/method.ts';
import { imageInput } from '../nn/image-input.ts';
import { objectMap, placedLike } from '../nn/object-map.ts';
import type { Parameters } from '../nn/scope.ts';

/** Outputs of the shipped graph for N images. */
export interface RecogniserOutputs extends Record<string, Value> {
  /** [N, K] */
  readonly logits: Value;
  /** softmax(logits / temperature), [N, K] */
  readonly probabilities: Value;
  /** [N, D], not normalised. */
  readonly embedding: Value;
  /** Where SCDA sees the object (`objectMap`), [N, cells, cells] evenly over the image. */
  readonly activation: Value;
  /** Class-activation map of the answer, on the same cells. */
  readonly heat: Value;
}

/** Builds the recogniser for images of `size` x `size`. */
export function recogniserGraph(
  method: Method,
  context: MethodContext,
  parameters: Parameters,
  size: number,
  temperature = 1,
): RecogniserOutputs {
  const image = imageInput(1, size);
  const recognition = method.recogniser(context, parameters.root(), image);
  const { logits, embedding, map, finer, heat } = recognition;
  return {
    logits,
    probabilities: softmax(mul(logits, 1 / temperature)),
    embedding,
    activation: objectMap(map, finer, size),
    heat: placedLike(map, heat, size),
  };
}
