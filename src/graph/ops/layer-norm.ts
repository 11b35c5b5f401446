// Layer normalisation (Ba, Kiros and Hinton 2016, arXiv 1607.06450, equations 3 and 4): each
// example is normalised with the mean and variance of its own features.

import { type Shape, sameShape, sizeOf } from '../../core/shape.ts';
import { graphError, showType, type TensorType } from '../tensor-type.ts';
import { apply, type Op, type Reference, type Value } from '../value.ts';
import { add, mul, sub } from './arithmetic.ts';
import { mean } from './reduce.ts';
import { expand, reducedShape, sumTo } from './sum.ts';

/**
 * Inputs x, scale and shift; the last two have the shape of the axes that are normalised. Outputs
 * y, the mean and 1 / sqrt(variance + epsilon), the last two with those axes at size 1. All three
 * may be differentiated through.
 */
export const layerNormOp: Op<{ epsilon: number }> = {
  name: 'layerNorm',
  infer: ([x, scale, shift]) => {
    checkFeatures(x, scale, shift);
    const statistic = { shape: reducedShape(x.shape, featureAxes(x, scale)), dtype: x.dtype };
    return [x, statistic, statistic];
  },
  vjp: (node, [g, gMean, gInverse], needed) => {
    const [x, scale, shift] = node.inputs;
    const [, centre, inverse] = node.outputs;
    const axes = featureAxes(x, scale);
    const count = sizeOf(scale.shape);
    const normal = mul(sub(x, centre), inverse);
    const average = (value: Value) => mean(value, axes, { keep: true });
    const terms: Value[] = [];
    if (g && needed[0]) {
      // inverse (h - mean(h) - normal mean(h normal)) with h = g scale
      const h = mul(g, scale);
      const along = mul(normal, average(mul(h, normal)));
      terms.push(mul(inverse, sub(sub(h, average(h)), along)));
    }
    if (gMean && needed[0]) terms.push(expand(mul(gMean, 1 / count), x.shape));
    if (gInverse && needed[0]) {
      terms.push(mul(normal, mul(gInverse, mul(mul(inverse, inverse), -1 / count))));
    }
    return [
      terms.length > 0 ? terms.reduce(add) : undefined,
      g && needed[1] ? sumTo(mul(g, normal), scale.shape) : undefined,
      g && needed[2] ? sumTo(g, shift.shape) : undefined,
    ];
  },
  portable: (b, node, inputs) => {
    const axis = -node.inputs[1].shape.length;
    const epsilon = { float: node.attrs.epsilon };
    return b.ops('LayerNormalization', inputs, 3, { axis, epsilon });
  },
  reference: ([x, scale, shift], { epsilon }) => normalised(x, scale, shift, epsilon),
};

function featureAxes(x: { shape: Shape }, scale: { shape: Shape }): number[] {
  const first = x.shape.length - scale.shape.length;
  return scale.shape.map((_, i) => first + i);
}

function checkFeatures(x: TensorType, scale: TensorType, shift: TensorType): void {
  const rank = scale.shape.length;
  const fits =
    rank > 0 &&
    rank <= x.shape.length &&
    sameShape(scale.shape, x.shape.slice(-rank)) &&
    sameShape(scale.shape, shift.shape) &&
    [x, scale, shift].every(({ dtype }) => dtype === 'float32');
  if (fits) return;
  throw graphError(
    'layerNorm',
    'x of float32, and a scale and a shift of the shape of its last axes',
    [x, scale, shift].map(showType).join(' and '),
  );
}

function normalised(
  x: Reference,
  scale: Reference,
  shift: Reference,
  epsilon: number,
): [Float64Array, Float64Array, Float64Array] {
  const count = scale.data.length;
  const rows = x.data.length / count;
  const y = new Float64Array(x.data.length);
  const centres = new Float64Array(rows);
  const inverses = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const features = x.data.subarray(row * count, (row + 1) * count);
    const centre = features.reduce((a, v) => a + v / count, 0);
    const variance = features.reduce((a, v) => a + (v - centre) ** 2 / count, 0);
    const inverse = 1 / Math.sqrt(variance + epsilon);
    features.forEach((v, i) => {
      y[row * count + i] = (v - centre) * inverse * scale.data[i] + shift.data[i];
    });
    centres[row] = centre;
    inverses[row] = inverse;
  }
  return [y, centres, inverses];
}

/**
 * (x - mean) / sqrt(variance + epsilon) times `scale` plus `shift`, with the mean and the biased
 * variance over the last axes of x (Ba et al. 2016, arXiv 1607.06450, equations 3 and 4).
 * x [..., D1, ..., Dk], scale and shift [D1, ..., Dk] with k of 1 or more; the result is like x.
 * Throws where the shapes do not fit.
 */
export function layerNorm(x: Value, scale: Value, shift: Value, epsilon = 1e-5): Value {
  return apply(layerNormOp, [x, scale, shift], { epsilon });
}
