// The graph that is shipped: one image in; calibrated probabilities, a descriptor and evidence out.

import { mul } from '../graph/ops/arithmetic.ts';
import { softmax } from '../graph/ops/reduce.ts';
import { sum } from '../graph/ops/sum.ts';
import type { Value } from '../graph/value.ts';
import type { Method, MethodContext } from '../methods/method.ts';
import { imageInput } from '../nn/image-input.ts';
import type { Parameters } from '../nn/scope.ts';

/** Outputs of the shipped graph for N images. */
export interface RecogniserOutputs extends Record<string, Value> {
  /** [N, K] */
  readonly logits: Value;
  /** softmax(logits / temperature), [N, K] */
  readonly probabilities: Value;
  /** [N, D], not normalised. */
  readonly embedding: Value;
  /** Sum of the last map over its channels, [N, h, w]: where SCDA sees the object. */
  readonly activation: Value;
  /** Class-activation map of the answer, [N, h, w]. */
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
  const { logits, embedding, map, heat } = method.recogniser(context, parameters.root(), image);
  return {
    logits,
    probabilities: softmax(mul(logits, 1 / temperature)),
    embedding,
    activation: sum(map, [1]),
    heat,
  };
}
