// Every op of the table, and functions made of them: lowering against the float64 oracle, and
// gradient against central differences, over random shapes. A failure prints its seed.
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { gradients } from '../../src/graph/autodiff.ts';
import { lower } from '../../src/graph/lower.ts';
import { mul } from '../../src/graph/ops/arithmetic.ts';
import { constant, input } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { opTable } from '../../src/graph/ops/table.ts';
import { evaluate } from '../../src/graph/oracle.ts';
import type { Op, Value } from '../../src/graph/value.ts';
import { createSession } from '../../src/runtime/node.ts';
import type { OpCase } from '../support/case-parts.ts';
import { composedCases } from '../support/composed-cases.ts';
import { flooredError } from '../support/numbers.ts';
import { caseStream, opCases } from '../support/op-cases.ts';

// what a foreign graph means, only the engine knows: test/graph/embed.test.ts
const LEAVES = ['input', 'constant', 'parameter', 'settable', 'embed'];
const cases = { ...opCases, ...composedCases };
const SEEDS = Number(process.env.FIELDMARK_OP_SEEDS ?? 12);

function assemble(op: string, seed: number) {
  const stream = caseStream(op, seed);
  const opCase: OpCase = cases[op](stream);
  const x = opCase.inputs.map((t, i) => input(`x${i}`, t.shape, t.dtype));
  const y = opCase.build(...x);
  const feeds = Object.fromEntries(
    opCase.inputs.map((t, i) => [`x${i}`, Array.from(t.data as ArrayLike<number>, Number)]),
  );
  const tensors: Record<string, HostTensor> = Object.fromEntries(
    opCase.inputs.map((t, i) => [`x${i}`, t]),
  );
  const wrt = (
    opCase.differentiable ?? opCase.inputs.flatMap((t, i) => (t.dtype === 'float32' ? [i] : []))
  ).map((i) => x[i]);
  return { x, y, feeds, tensors, wrt: y.dtype === 'float32' ? wrt : [] };
}

/** A random linear functional of y, so that every element of y counts with its own weight. */
function functional(y: Value, seed: number): Value {
  const r = randomStream(seed, 'upstream');
  const weights = float32(
    y.shape,
    Array.from({ length: sizeOf(y.shape) }, () => r.uniform(-1, 1)),
  );
  return sum(mul(y, constant(weights)));
}

test('every op of the sources is in the table, once', async () => {
  const folder = new URL('../../src/graph/ops/', import.meta.url);
  const modules = (await readdir(folder)).map(async (file) => import(new URL(file, folder).href));
  const all = (await Promise.all(modules)).flatMap((module) => Object.values<unknown>(module));
  const isOp = (x: unknown): x is Op => typeof x === 'object' && x !== null && 'reference' in x;
  const ops = all.filter(isOp);
  expect(ops.map(({ name }) => name).sort()).toEqual(opTable.map(({ name }) => name).sort());
  expect(new Set(opTable)).toEqual(new Set(ops));
});

test('every op has test cases', () => {
  const names = opTable.map((op) => op.name).filter((name) => !LEAVES.includes(name));
  expect(Object.keys(opCases).sort()).toEqual([...names].sort());
});

for (const op of Object.keys(cases)) {
  test(`${op}: lowering agrees with the float64 oracle, values and gradients`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const { y, feeds, tensors, wrt } = assemble(op, seed);
      const outputs: Record<string, Value> = { y };
      if (wrt.length > 0) {
        gradients(functional(y, seed), wrt).forEach((g, i) => {
          outputs[`d${i}`] = g;
        });
      }
      const session = await createSession(lower(outputs).bytes, { threads: 1 });
      const results = await session.run(tensors);
      await session.close();
      const expected = evaluate(Object.values(outputs), feeds);
      Object.entries(outputs).forEach(([name, value], i) => {
        const got = results[name];
        expect(got.shape, `${name} seed ${seed}`).toEqual([...value.shape]);
        const numbers = Array.from(got.data as ArrayLike<number>, Number);
        expect(flooredError(numbers, expected[i].data), `${name} seed ${seed}`).toBeLessThan(5e-6);
      });
    }
  });

  test(`${op}: gradient agrees with central differences in float64`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const { y, feeds, wrt } = assemble(op, seed);
      if (wrt.length === 0) continue;
      const objective = functional(y, seed);
      const analytic = evaluate(gradients(objective, wrt), feeds);
      wrt.forEach((value, k) => {
        const name = (value.node.attrs as { name: string }).name;
        const numeric = centralDifferences(objective, name, feeds);
        expect(flooredError(analytic[k].data, numeric), `${name} seed ${seed}`).toBeLessThan(1e-6);
      });
    }
  });
}

function centralDifferences(
  objective: Value,
  name: string,
  feeds: Record<string, number[]>,
): number[] {
  const h = 1e-5;
  return feeds[name].map((value, i) => {
    const at = (v: number) => {
      const moved = feeds[name].slice();
      moved[i] = v;
      return evaluate([objective], { ...feeds, [name]: moved })[0].data[0];
    };
    return (at(value + h) - at(value - h)) / (2 * h);
  });
}
