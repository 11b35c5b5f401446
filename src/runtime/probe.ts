// Finds out whether the engine at hand runs the blocked lowering, and with how many lanes to a
// block. The layout is an internal matter of ONNX Runtime and depends on the processor, so it is
// asked by computing something whose answer is known.

import { fail } from '../core/errors.ts';
import { float32, type HostTensor } from '../core/tensor.ts';
import { gradients } from '../graph/autodiff.ts';
import { lower } from '../graph/lower.ts';
import type { Lowering } from '../graph/lowered.ts';
import { mul } from '../graph/ops/arithmetic.ts';
import { conv2d } from '../graph/ops/conv.ts';
import { input } from '../graph/ops/leaf.ts';
import { sum } from '../graph/ops/sum.ts';
import { relu } from '../graph/ops/unary.ts';
import { evaluate } from '../graph/oracle.ts';
import type { Value } from '../graph/value.ts';
import type { LoweringChoice } from './choices.ts';
import { createSession } from './node.ts';

const CANDIDATES = [16, 8];

let lanes: Promise<number | undefined> | undefined;

/** Lanes of a block on this machine; undefined where the blocked lowering does not run. */
export function blockedLanes(): Promise<number | undefined> {
  lanes ??= probe();
  return lanes;
}

async function probe(): Promise<number | undefined> {
  for (const block of CANDIDATES) if (await answersRight(block)) return block;
  return undefined;
}

/** A strided convolution, its ReLU and its gradients, in whole numbers: the answer is exact. */
function question(): { outputs: Record<string, Value>; feeds: Record<string, HostTensor> } {
  const whole = (shape: number[], salt: number) =>
    float32(
      shape,
      Float32Array.from(
        { length: shape.reduce((a, d) => a * d) },
        (_, i) => ((i * 7 + salt + (i >> 3)) % 5) - 2,
      ),
    );
  const feeds = { x: whole([1, 24, 6, 6], 1), w: whole([40, 24, 3, 3], 3), b: whole([40], 2) };
  const x = input('x', feeds.x.shape);
  const w = input('w', feeds.w.shape);
  const y = relu(conv2d(x, w, input('b', [40]), { strides: 2, pads: 1 }));
  const [dx, dw] = gradients(sum(mul(y, y)), [x, w]);
  return { outputs: { y, dx, dw }, feeds };
}

async function answersRight(block: number): Promise<boolean> {
  const { outputs, feeds } = question();
  try {
    const model = lower(outputs, { lowering: { block } });
    const session = await createSession(model.bytes, { threads: 1 });
    const got = await session.run(feeds).finally(() => session.close());
    const numbers = Object.entries(feeds).map(([name, t]) => [name, Array.from(t.data, Number)]);
    const expected = evaluate(Object.values(outputs), Object.fromEntries(numbers));
    return Object.keys(outputs).every((name, i) =>
      expected[i].data.every((v, k) => v === Number(got[name].data[k])),
    );
  } catch {
    return false; // no such operators, or shapes that they refuse
  }
}

/**
 * The lowering for a choice. Where `auto` finds no blocked operators it says so through `say`;
 * `blocked` is
 * then an error, which ends with the advice `next`.
 */
export async function chooseLowering(
  choice: LoweringChoice,
  say: (note: string) => void = () => {},
  next = "Use '--lowering auto' or '--lowering portable'.",
): Promise<Lowering> {
  if (choice === 'portable') return 'portable';
  const block = await blockedLanes();
  if (block !== undefined) return { block };
  if (choice === 'blocked') {
    throw fail('FM_RUNTIME', 'lowering', {
      expected: "an engine with blocked convolutions for '--lowering blocked'",
      got: 'one that does not answer the probe',
      next,
    });
  }
  say(
    'blocked convolutions do not run on this machine: training uses portable ones, which are slower',
  );
  return 'portable';
}
