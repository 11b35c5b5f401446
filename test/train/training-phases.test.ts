// Metrics as curves: each stage with its own epochs, steps between them.

import { expect, test } from 'vitest';
import { trainingPhases } from '../../src/train/training-phases.ts';

const epoch = (stage: string, n: number, refit = false, valTop1: number | null = 0.5) => ({
  stage,
  refit,
  epoch: n,
  epochs: 2,
  loss: 1,
  valTop1,
  valLoss: valTop1 === null ? null : 1.5,
});
const step = (n: number) => ({ stage: 'all', refit: false, step: n, loss: 2, rate: 0.1 });

test('a stage on features, one on photographs, and a refit', () => {
  const lines = [
    epoch('head', 1),
    epoch('head', 2),
    step(0),
    step(1),
    epoch('all', 1),
    step(2),
    step(3),
    epoch('all', 2),
    epoch('head', 1, true, null),
  ];
  const held = { valTop1: 0.5, valLoss: 1.5 };
  expect(trainingPhases(lines)).toEqual([
    {
      name: 'head',
      refit: false,
      epochs: 2,
      points: [
        { epoch: 1, loss: 1, ...held },
        { epoch: 2, loss: 1, ...held },
      ],
    },
    {
      name: 'all',
      refit: false,
      epochs: 2,
      points: [
        { epoch: 0.5, loss: 2, lr: 0.1 },
        { epoch: 1, loss: 2, lr: 0.1 },
        { epoch: 1, ...held },
        { epoch: 1.5, loss: 2, lr: 0.1 },
        { epoch: 2, loss: 2, lr: 0.1 },
        { epoch: 2, ...held },
      ],
    },
    { name: 'refit head', refit: true, epochs: 1, points: [{ epoch: 1, loss: 1 }] },
  ]);
});

test('what a review says is no point of a curve, and a loss that is no number is none', () => {
  const review = { stage: 'all', refit: false, finding: null, 'valTop1:scale1': 0.5 };
  const lines = [epoch('all', 1), review, epoch('fuse', 1)];
  expect(trainingPhases(lines)).toEqual(trainingPhases([epoch('all', 1), epoch('fuse', 1)]));
  const [{ points }] = trainingPhases([{ ...step(0), loss: null }]);
  expect(points).toEqual([{ epoch: 1, loss: undefined, lr: 0.1 }]);
});

test('long runs are thinned, and every epoch stays', () => {
  const lines = [...Array.from({ length: 9999 }, (_, i) => step(i)), epoch('all', 1)];
  const [{ points }] = trainingPhases(lines);
  expect(points.length).toBeLessThanOrEqual(2001);
  expect(points.at(-1)).toEqual({ epoch: 1, valTop1: 0.5, valLoss: 1.5 });
});
