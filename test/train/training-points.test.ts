// Metrics as curves: parts behind one another, epochs where their last step stands.

import { expect, test } from 'vitest';
import { trainingPoints } from '../../src/train/training-points.ts';

const epoch = (stage: string, n: number, refit = false, valTop1: number | null = 0.5) => ({
  stage,
  refit,
  epoch: n,
  epochs: 2,
  loss: 1,
  valTop1,
  valLoss: null,
});
const step = (n: number) => ({ stage: 'all', refit: false, step: n, loss: 2, rate: 0.1 });

test('a stage on features, one on photographs, and a refit', () => {
  const lines = [
    epoch('head', 1),
    epoch('head', 2),
    step(0),
    step(1),
    epoch('all', 1),
    epoch('head', 1, true, null),
  ];
  expect(trainingPoints(lines)).toEqual([
    { step: 1, stage: 'head', epoch: 1, loss: 1, valTop1: 0.5 },
    { step: 2, stage: 'head', epoch: 2, loss: 1, valTop1: 0.5 },
    { step: 3, stage: 'all', loss: 2, lr: 0.1 },
    { step: 4, stage: 'all', loss: 2, lr: 0.1 },
    { step: 4, stage: 'all', epoch: 1, valTop1: 0.5 },
    { step: 6, stage: 'refit head', epoch: 1, loss: 1 },
  ]);
});

test('what a review says is no point of a curve', () => {
  const review = { stage: 'all', refit: false, finding: null, 'valTop1:scale1': 0.5 };
  const lines = [epoch('all', 1), review, epoch('fuse', 1)];
  expect(trainingPoints(lines)).toEqual(trainingPoints([epoch('all', 1), epoch('fuse', 1)]));
});

test('long runs are thinned, and every epoch stays', () => {
  const lines = [...Array.from({ length: 9999 }, (_, i) => step(i)), epoch('all', 1)];
  const points = trainingPoints(lines);
  expect(points.length).toBeLessThanOrEqual(2001);
  expect(points.at(-1)).toEqual({ step: 9998, stage: 'all', epoch: 1, valTop1: 0.5 });
});
