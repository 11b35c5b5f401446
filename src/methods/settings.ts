// Training settings that suit most tasks; a method starts from these.

import type { AugmentSettings, StageSettings } from './stage-settings.ts';

const augment: AugmentSettings = {
  scale: [0.35, 1],
  ratio: [3 / 4, 4 / 3],
  flip: 0.5,
  jitter: 0.2,
  hue: 0,
  erase: 0,
};

/**
 * A linear classifier on cached features. Rate and decay are meant for features of unit
 * root-mean-square norm; the trainer rescales them for what it finds. There the softmax's curvature
 * is at most 1/2, and a rate of 2 is safe.
 */
export function headSettings(): StageSettings {
  return {
    epochs: 100,
    batch: 64,
    sampler: { kind: 'shuffled' },
    accumulate: 1,
    rate: 2,
    headFactor: 1,
    decay: 1e-4,
    optimiser: { kind: 'sgd', momentum: 0.9, nesterov: true },
    schedule: { kind: 'cosine', warmup: 0, floor: 0 },
    clip: 0,
    smoothing: 0,
    ema: 0,
    mixup: 0,
    cutmix: 0,
    augment,
  };
}

/**
 * A whole pre-trained network, the head at ten times the backbone's rate. Behind a trained head a
 * gentle rate keeps more of what the features know: a third of the usual 0.01 gained 4 points on
 * Grocery Store and 5 in cross-validation on birds (README; Kumar et al. 2022, arXiv 2202.10054).
 */
function pretrainedSettings(): StageSettings {
  return {
    epochs: 12,
    batch: 32,
    sampler: { kind: 'shuffled' },
    accumulate: 1,
    rate: 0.003,
    headFactor: 10,
    decay: 1e-4,
    optimiser: { kind: 'sgd', momentum: 0.9, nesterov: true },
    schedule: { kind: 'cosine', warmup: 1, floor: 0 },
    clip: 5,
    smoothing: 0.1,
    ema: 0,
    mixup: 0,
    cutmix: 0,
    augment,
  };
}

/** A whole network from random numbers, which AdamW brings up in fewer epochs than SGD. */
function scratchSettings(): StageSettings {
  return {
    epochs: 30,
    batch: 32,
    sampler: { kind: 'shuffled' },
    accumulate: 1,
    rate: 0.004,
    headFactor: 1,
    decay: 0.02,
    optimiser: { kind: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    schedule: { kind: 'cosine', warmup: 1, floor: 0 },
    clip: 0,
    smoothing: 0.05,
    ema: 0,
    mixup: 0,
    cutmix: 0,
    augment: { ...augment, scale: [0.5, 1] },
  };
}

/** A whole network. */
export function networkSettings(pretrained: boolean): StageSettings {
  return pretrained ? pretrainedSettings() : scratchSettings();
}
