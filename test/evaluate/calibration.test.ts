import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import {
  adaptiveBins,
  brierScore,
  calibrationError,
  confidencesOf,
  negativeLogLikelihood,
  reliabilityBins,
} from '../../src/evaluate/calibration.ts';
import { type ScoredLabels, softmax } from '../../src/evaluate/scores.ts';
import { fitTemperature, TEMPERATURE_BOUNDS } from '../../src/evaluate/temperature.ts';

/** Images whose label is drawn from softmax(logits / truth): `truth` is the right temperature. */
function drawn(n: number, classes: number, truth: number): ScoredLabels {
  const stream = randomStream(5, 'calibration', n, classes);
  const values = Float32Array.from({ length: n * classes }, () => stream.normal(0, 3));
  const p = softmax(values, classes, truth);
  const labels = Array.from({ length: n }, (_, i) => {
    let left = stream.uniform();
    for (let k = 0; k < classes; k++) {
      left -= p[i * classes + k];
      if (left < 0) return k;
    }
    return classes - 1;
  });
  return { values, labels, classes };
}

describe('errors of calibration', () => {
  // four answers at 0.9, three of them right; two at 0.6, one right
  const p = Float32Array.from([0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.6, 0.4, 0.6, 0.4]);
  const scores = { values: p, labels: [0, 0, 0, 1, 0, 1], classes: 2 };

  test('ECE by hand: 4/6 |0.75 - 0.9| + 2/6 |0.5 - 0.6|', () => {
    const bins = reliabilityBins(confidencesOf(scores), 10);
    expect(bins.map((b) => b.n)).toEqual([0, 0, 0, 0, 0, 0, 2, 0, 4, 0]);
    expect(calibrationError(bins)).toBeCloseTo((4 / 6) * 0.15 + (2 / 6) * 0.1, 6);
    expect(bins[8]).toMatchObject({ low: 0.8, high: 0.9, n: 4, accuracy: 0.75 });
  });

  test('adaptive bins hold equal numbers', () => {
    const bins = adaptiveBins(confidencesOf(scores), 3);
    expect(bins.map((b) => b.n)).toEqual([2, 2, 2]);
    expect(adaptiveBins(confidencesOf(scores), 15)).toHaveLength(6);
  });

  test('Brier and NLL by hand', () => {
    const one = { values: Float32Array.from([0.7, 0.2, 0.1]), labels: [1], classes: 3 };
    expect(brierScore(one)).toBeCloseTo(0.49 + 0.64 + 0.01, 6);
    const logits = { values: one.values.map(Math.log), labels: [1], classes: 3 };
    expect(negativeLogLikelihood(logits)).toBeCloseTo(-Math.log(0.2), 6);
    const far = { values: Float32Array.from([500, 0]), labels: [1], classes: 2 };
    expect(negativeLogLikelihood(far)).toBeCloseTo(500, 6);
  });

  test('every image is in one bin and the error is within [0, 1]', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 1 })), {
          minLength: 1,
          maxLength: 60,
        }),
        fc.integer({ min: 1, max: 20 }),
        (pairs, count) => {
          const confidences = {
            confidence: Float64Array.from(pairs, ([c]) => c),
            right: Uint8Array.from(pairs, ([, r]) => r),
          };
          for (const bins of [
            reliabilityBins(confidences, count),
            adaptiveBins(confidences, count),
          ]) {
            expect(bins.reduce((sum, b) => sum + b.n, 0)).toBe(pairs.length);
            const error = calibrationError(bins);
            expect(error).toBeGreaterThanOrEqual(0);
            expect(error).toBeLessThanOrEqual(1 + 1e-12);
          }
        },
      ),
    );
  });
});

describe('temperature', () => {
  test.each([0.5, 1, 2.5])('recovers the temperature %f that made the labels', (truth) => {
    const fit = fitTemperature(drawn(3000, 10, truth));
    expect(Math.abs(Math.log(fit.temperature / truth))).toBeLessThan(0.08);
    expect(fit.nllAfter).toBeLessThanOrEqual(fit.nllBefore + 1e-9);
    expect(fit.atBound).toBeUndefined();
  });

  test('is a minimum of the likelihood', () => {
    const logits = drawn(200, 50, 1.7);
    const { temperature, nllAfter } = fitTemperature(logits, { prior: 0 });
    expect(nllAfter).toBeCloseTo(negativeLogLikelihood(logits, temperature), 9);
    for (const factor of [0.98, 1.02]) {
      expect(negativeLogLikelihood(logits, temperature * factor)).toBeGreaterThan(nllAfter);
    }
  });

  test('says when it stops at a bound; the prior keeps a small easy set away from it', () => {
    const easy = { values: Float32Array.from([2, 0, 0, 2]), labels: [0, 1], classes: 2 };
    expect(fitTemperature(easy, { prior: 0 })).toMatchObject({
      temperature: TEMPERATURE_BOUNDS[0],
      atBound: 'low',
    });
    const wrong = { ...easy, labels: [1, 0] };
    expect(fitTemperature(wrong, { prior: 0 })).toMatchObject({
      temperature: TEMPERATURE_BOUNDS[1],
      atBound: 'high',
    });
    const held = fitTemperature(easy);
    expect(held.atBound).toBeUndefined();
    expect(held.temperature).toBeGreaterThan(0.4);
    expect(held.temperature).toBeLessThan(1);
  });

  test('constant logits and no images leave T = 1', () => {
    const flat = { values: new Float32Array(6), labels: [0, 2], classes: 3 };
    expect(fitTemperature(flat).temperature).toBe(1);
    expect(fitTemperature(flat, { prior: 0 }).temperature).toBe(1);
    expect(fitTemperature({ values: new Float32Array(), labels: [], classes: 3 })).toMatchObject({
      temperature: 1,
      n: 0,
    });
  });

  test('stays finite and within bounds whatever the logits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), {
          minLength: 6,
          maxLength: 6,
        }),
        fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 2 })),
        fc.constantFrom(0, 1),
        (values, labels, prior) => {
          const logits = { values: Float32Array.from(values), labels, classes: 3 };
          const { temperature, nllAfter } = fitTemperature(logits, { prior });
          expect(temperature).toBeGreaterThanOrEqual(TEMPERATURE_BOUNDS[0]);
          expect(temperature).toBeLessThanOrEqual(TEMPERATURE_BOUNDS[1]);
          expect(Number.isFinite(nllAfter)).toBe(true);
        },
      ),
    );
  });
});
