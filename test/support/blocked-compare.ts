// Lowers outputs in blocks, runs them and holds them against the float64 oracle.

import { expect } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { lower } from '../../src/graph/lower.ts';
import type { LoweredModel } from '../../src/graph/lowered.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { constant } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Value } from '../../src/graph/value.ts';
import { createSession } from '../../src/runtime/node.ts';
import { flooredError } from './numbers.ts';

const numbersOf = (t: { data: unknown }) => Array.from(t.data as ArrayLike<number>, Number);

/** A random linear functional: every element of y counts with its own weight. */
export function functional(y: Value, seed: number): Value {
  const r = randomStream(seed, 'upstream');
  const weights = Array.from({ length: sizeOf(y.shape) }, () => r.uniform(-1, 1));
  return sum(mul(y, constant(float32(y.shape, weights))));
}

export async function compareBlocked(
  block: number,
  outputs: Record<string, Value>,
  feeds: Record<string, HostTensor>,
  note: string,
): Promise<LoweredModel> {
  const model = lower(outputs, { lowering: { block } });
  const session = await createSession(model.bytes, { threads: 1 });
  const results = await session.run(feeds).finally(() => session.close());
  const numbers = Object.entries(feeds).map(([name, t]) => [name, numbersOf(t)]);
  const expected = evaluate(Object.values(outputs), Object.fromEntries(numbers));
  Object.entries(outputs).forEach(([name, value], i) => {
    expect(results[name].shape, `${note} ${name}`).toEqual([...value.shape]);
    const wrong = flooredError(numbersOf(results[name]), expected[i].data);
    expect(wrong, `${note} ${name}`).toBeLessThan(5e-6);
  });
  return model;
}
