// Gradients are graphs: those of smooth ops can be differentiated again. Against central
// differences of the gradient, in float64.
import { expect, test } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import { float32 } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { add, mul } from '../../src/graph/ops/arithmetic.ts';
import { constant, input } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Value } from '../../src/graph/value.ts';
import { composedCases } from '../support/composed-cases.ts';
import { relativeError } from '../support/numbers.ts';
import { caseStream, opCases } from '../support/op-cases.ts';

const SEEDS = 6;

const cases = {
  layerNorm: opCases.layerNorm,
  softmax: opCases.softmax,
  erf: opCases.erf,
  elu: opCases.elu,
  silu: composedCases.silu,
  gelu: composedCases.gelu,
  'gelu by tanh': composedCases['gelu by tanh'],
  hardSwish: composedCases.hardSwish,
  localResponseNorm: composedCases.localResponseNorm,
  convTranspose2d: composedCases.convTranspose2d,
};

test.each(Object.entries(cases))('%s', (name, generate) => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const r = caseStream(name, seed);
    const { inputs, build } = generate(r);
    const feeds = Object.fromEntries(
      inputs.map((t, i) => [`x${i}`, [...(t.data as Float32Array)]]),
    );
    const x = inputs.map((t, i) => input(`x${i}`, t.shape));
    const along = (value: Value) => {
      const weights = Array.from({ length: sizeOf(value.shape) }, () => r.uniform(-1, 1));
      return sum(mul(value, constant(float32(value.shape, weights))));
    };
    const y = build(...x);
    const directional = gradients(along(mul(y, y)), x)
      .map(along)
      .reduce(add);
    const found = evaluate(gradients(directional, x), feeds);
    x.forEach((_, i) => {
      const expected = centralDifferences(directional, `x${i}`, feeds);
      expect(relativeError(found[i].data, expected), `x${i} seed ${seed}`).toBeLessThan(1e-5);
    });
  }
});

function centralDifferences(objective: Value, name: string, feeds: Record<string, number[]>) {
  const h = 1e-5;
  return feeds[name].map((centre, i) => {
    const at = (moved: number) =>
      evaluate([objective], { ...feeds, [name]: feeds[name].with(i, moved) })[0].data[0];
    return (at(centre + h) - at(centre - h)) / (2 * h);
  });
}
