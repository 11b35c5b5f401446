// What is said about memory before training: how much, and what to do when there is less.

import { expect, test } from 'vitest';
import { input } from '../../src/graph/ops/leaf.ts';
import { sum } from '../../src/graph/ops/sum.ts';
import { relu } from '../../src/graph/ops/unary.ts';
import { emitter, type TrainEvent } from '../../src/train/events.ts';
import { estimateStepBytes, reportMemory, type StepShape } from '../../src/train/memory.ts';

/** A pass over `images` images of 50 MB, and as much again for what is computed of them. */
const lossOf = (images: number) => sum(relu(input('x', [images, 12.5e6])));

function notes(step: StepShape, free: number, configured = step.batch, images?: number): string[] {
  const seen: string[] = [];
  const emit = emitter(
    (event: TrainEvent) => void (event.kind === 'note' && seen.push(event.text)),
  );
  const loss = lossOf(images ?? step.batch / step.accumulate);
  reportMemory(loss, 'all', step, emit, configured, free);
  return seen;
}

test('an estimate for more passes is that of the smaller pass', () => {
  const step = { batch: 32, accumulate: 1, ema: 0 };
  const guessed = estimateStepBytes(lossOf(32), step, 8);
  const built = estimateStepBytes(lossOf(4), { ...step, accumulate: 8 });
  expect(guessed / built).toBeCloseTo(1, 5);
});

test('enough memory: how much is needed, no advice', () => {
  expect(notes({ batch: 32, accumulate: 1, ema: 0 }, 64e9)).toEqual([
    "stage 'all' at batch 32 needs about 2.9 GB of memory",
  ]);
  expect(notes({ batch: 32, accumulate: 2, ema: 0 }, 64e9)).toEqual([
    "stage 'all' at batch 32 in 2 passes needs about 1.6 GB of memory",
  ]);
});

test.each([
  [1, 2e9, 'stages.all.accumulate=2 (16 images a pass)'],
  [1, 0.7e9, 'stages.all.accumulate=8 (4 images a pass)'],
  [2, 0.7e9, 'stages.all.accumulate=8 (4 images a pass)'],
  [1, 0.1e9, 'stages.all.accumulate=32 (1 images a pass)'],
])('%i passes and %d bytes free: the fewest passes that fit', (accumulate, free, advice) => {
  const [, warning] = notes({ batch: 32, accumulate, ema: 0 }, free);
  expect(warning).toBe(
    `only ${(free / 1e9).toFixed(1)} GB are free: if it fails, try --set ${advice}`,
  );
});

test('passes of one image leave the size of the network to change', () => {
  const seen = notes({ batch: 8, accumulate: 8, ema: 0 }, 1e8, 8, 8);
  expect(seen[1]).toMatch(/try a smaller --size or backbone$/);
});

test('fewer images than the batch: the advice divides the batch that is configured', () => {
  const [, warning] = notes({ batch: 20, accumulate: 1, ema: 0 }, 0.7e9, 32);
  expect(warning).toMatch(/accumulate=8 \(3 images a pass\)$/);
});
