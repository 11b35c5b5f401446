// Global colour must not give a species away: a linear classifier on 8 x 8 thumbnails stays weak.

import { expect, it } from 'vitest';
import { resolveOptions } from '../../../src/data/aviary/options.ts';
import { drawScene } from '../../../src/data/aviary/scene.ts';
import { designSpecies } from '../../../src/data/aviary/species.ts';
import { sceneOf } from '../../../src/data/aviary/write-aviary.ts';
import { renderSvg } from '../../../src/data/image/render.ts';

const CLASSES = 12;
const TRAIN = 40;
const TEST = 20;
const SIZE = 64;
const FEATURES = 8 * 8 * 3 + 1;

it.each(['standard', 'easy'] as const)(
  'a linear probe on 8 x 8 thumbnails stays below 35 percent: %s',
  async (difficulty) => {
    const options = resolveOptions({ classes: CLASSES, imageSize: SIZE, difficulty });
    const species = designSpecies(options);
    const rows = { train: [] as Row[], test: [] as Row[] };
    for (let label = 0; label < CLASSES; label++) {
      for (let i = 0; i < TRAIN + TEST; i++) {
        const svg = drawScene(sceneOf(label, i, options), species[label].marks);
        const { data } = await renderSvg(svg, SIZE, SIZE);
        rows[i < TRAIN ? 'train' : 'test'].push({ label, x: thumbnail(data) });
      }
    }
    const accuracies = [0.001, 0.01, 0.1].map((decay) =>
      accuracy(fitLogistic(rows.train, decay), rows.test),
    );
    expect(Math.max(...accuracies)).toBeLessThan(0.35);
  },
);

interface Row {
  readonly label: number;
  readonly x: Float64Array;
}

/** Block means, centred and scaled, and a constant. */
function thumbnail(data: Uint8Array): Float64Array {
  const x = new Float64Array(FEATURES);
  const block = SIZE / 8;
  for (let i = 0; i < data.length; i++) {
    const [channel, pixel] = [i % 3, Math.floor(i / 3)];
    const [row, column] = [Math.floor(pixel / SIZE / block), Math.floor((pixel % SIZE) / block)];
    x[(row * 8 + column) * 3 + channel] += (data[i] / 255 - 0.45) / (block * block) / 0.2;
  }
  x[FEATURES - 1] = 1;
  return x;
}

/** Multinomial logistic regression by gradient descent with momentum on the full batch. */
function fitLogistic(rows: readonly Row[], decay: number): Float64Array[] {
  const weights = Array.from({ length: CLASSES }, () => new Float64Array(FEATURES));
  const velocity = Array.from({ length: CLASSES }, () => new Float64Array(FEATURES));
  for (let step = 0; step < 400; step++) {
    const gradient = weights.map((w) => w.map((value) => value * decay));
    for (const { label, x } of rows) {
      const p = softmax(logits(weights, x));
      for (let c = 0; c < CLASSES; c++) {
        const error = (p[c] - (c === label ? 1 : 0)) / rows.length;
        for (let j = 0; j < FEATURES; j++) gradient[c][j] += error * x[j];
      }
    }
    for (let c = 0; c < CLASSES; c++) {
      for (let j = 0; j < FEATURES; j++) {
        velocity[c][j] = 0.9 * velocity[c][j] - 0.05 * gradient[c][j];
        weights[c][j] += velocity[c][j];
      }
    }
  }
  return weights;
}

function logits(weights: readonly Float64Array[], x: Float64Array): number[] {
  return weights.map((w) => {
    let sum = 0;
    for (let j = 0; j < FEATURES; j++) sum += w[j] * x[j];
    return sum;
  });
}

function softmax(values: readonly number[]): number[] {
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function accuracy(weights: readonly Float64Array[], rows: readonly Row[]): number {
  const right = rows.filter(({ label, x }) => {
    const scores = logits(weights, x);
    return scores.indexOf(Math.max(...scores)) === label;
  });
  return right.length / rows.length;
}
