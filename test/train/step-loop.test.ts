// The loop over epochs and steps, with steps that only count: when the host's numbers are touched,
// which numbers are validated and kept, and how results change the rate.

import { describe, expect, test } from 'vitest';
import { float32, type HostTensor } from '../../src/core/tensor.ts';
import { networkSettings } from '../../src/methods/settings.ts';
import type { StageSettings } from '../../src/methods/stage-settings.ts';
import type { PlateauOptions } from '../../src/nn/schedules.ts';
import type { ParameterNumbers } from '../../src/nn/scope.ts';
import { targetsOf } from '../../src/train/batches.ts';
import type { MetricsLine } from '../../src/train/metrics-log.ts';
import type { Phase, PhaseHost, PhaseState } from '../../src/train/phase.ts';
import { StepLoop } from '../../src/train/step-loop.ts';
import type { StepFeeds, StepResult } from '../../src/train/stepper.ts';
import type { ValidationResult } from '../../src/train/validation.ts';

const STEPS = 3;
const EPOCHS = 2;
const numberOf = (tensor: HostTensor | undefined) => tensor && Number(tensor.data[0]);
const one = (value: number) => float32([], [value]);

interface Setting {
  readonly source?: 'images' | 'features';
  readonly settings?: Partial<StageSettings>;
  /** Validation results of the epochs; without any, nothing is chosen. */
  readonly results?: readonly ValidationResult[];
  readonly average?: boolean;
  readonly keeps?: 'best' | 'last';
  readonly factors?: readonly number[];
  readonly state?: Partial<PhaseState>;
  /** Laid over what a step gives, by its 0-based number among those taken. */
  readonly steps?: Readonly<Record<number, Partial<StepResult>>>;
  /** The weight after so many steps, where it is not their number. */
  readonly weights?: Readonly<Record<number, number>>;
}

/** Runs a part whose weight is the number of steps taken, and its average half of that. */
async function run(setting: Setting) {
  const { source = 'images', results, average = false } = setting;
  const log: string[] = [];
  const rates: number[] = [];
  const progress: number[] = [];
  const validated: (number | undefined)[] = [];
  const findings: MetricsLine[] = [];
  const store = new Map<string, HostTensor>([
    ['w', one(0)],
    ['frozen', one(7)],
  ]);
  const state: PhaseState = {
    epoch: 0,
    step: 0,
    lossSum: 0,
    best: null,
    bestNumbers: new Map(),
    plateau: null,
    optimiser: new Map(),
    ...setting.state,
  };
  const told = () => `w ${numberOf(store.get('w'))}, ${state.optimiser.size} of state`;
  let taken = 0;
  const stepper = {
    paths: ['w'],
    step: async ({ rate, progress: share }: StepFeeds) => {
      progress.push(share);
      log.push(`step: ${store.has('w') || state.optimiser.size > 0 ? 'held twice' : 'let go'}`);
      rates.push(rate);
      const result = { loss: 1, gradientNorm: 1, metrics: {}, ...setting.steps?.[taken] };
      taken++;
      return result;
    },
    read: async () => ({
      parameters: new Map([['w', one(setting.weights?.[taken] ?? taken)]]),
      optimiser: new Map([
        ['optimiser.momentum:w', one(0)],
        ...(average ? [['average:w', one(taken / 2)] as const] : []),
      ]),
    }),
  };
  const validate = async (numbers: ParameterNumbers) => {
    log.push(`validate: ${told()}`);
    validated.push(numberOf(numbers.get('w')));
    expect(numberOf(numbers.get('frozen'))).toBe(7);
    return results![validated.length - 1];
  };
  const host = {
    task: { config: { seed: 0, checkpointEvery: 1000 } },
    store,
    put: (path: string, tensor: HostTensor) => store.set(path, tensor),
    drop: (path: string) => store.delete(path),
    metrics: {
      append: async (line: MetricsLine) => void ('finding' in line && findings.push(line)),
    },
    emit: { note() {}, progress() {}, epoch() {} },
    save: async () => void log.push(`save: ${told()}`),
    stopping: () => false,
  } as unknown as PhaseHost;
  const settings = { ...networkSettings(false), epochs: EPOCHS, rate: 1, ...setting.settings };
  const { factors, keeps } = setting;
  const part = {
    stage: { name: 's', source, keeps },
    settings,
    refit: false,
    factors,
  } as unknown as Phase;
  const divergence = await new StepLoop(part, state, host, {
    source: {
      batch: 1,
      stepsPerEpoch: STEPS,
      shape: [1],
      load: async () => ({ input: one(0), fields: targetsOf([0]) }),
      close: async () => {},
    },
    stepper,
    validate: (results && Object.assign(validate, { close: async () => {} })) || null,
    pause: () => {},
  }).run();
  const weight = numberOf(store.get('w'));
  return { log, rates, progress, validated, state, weight, divergence, findings };
}

const results = [
  { top1: 0.5, loss: 1 },
  { top1: 0.4, loss: 2 },
];

test('progress is the share of the steps that are done', async () => {
  const { progress } = await run({});
  expect(progress).toBeAllClose([0, 1, 2, 3, 4, 5].map((step) => step / 6));
});

describe("the host's numbers", () => {
  test('are brought up to date before validation and checkpoints, and let go for steps', async () => {
    const { log } = await run({ results });
    const steps = Array.from({ length: STEPS }, () => 'step: let go');
    expect(log).toEqual([
      ...steps,
      'validate: w 3, 1 of state',
      'save: w 3, 1 of state',
      ...steps,
      'validate: w 6, 1 of state',
      'save: w 6, 1 of state',
    ]);
  });

  test('are up to date at the end of a part that neither saves nor validates', async () => {
    const { log, weight, state } = await run({ source: 'features' });
    expect(log).toEqual(Array.from({ length: 6 }, () => 'step: let go'));
    expect(weight).toBe(6);
    expect(state.optimiser.size).toBe(1);
  });
});

test('the epoch with the highest accuracy is kept, or where a stage says so the last one', async () => {
  const results = [
    { top1: 0.5, loss: 3 },
    { top1: 0.5, loss: 2 },
    { top1: 0.4, loss: 4 },
  ];
  const bestOf = async (keeps?: 'best' | 'last') =>
    (await run({ results, keeps, settings: { epochs: 3 } })).state.best?.epoch;
  expect(await bestOf()).toBe(2);
  expect(await bestOf('best')).toBe(2);
  expect(await bestOf('last')).toBe(3);
});

describe('averages', () => {
  test('are validated and kept as the best epoch, while the checkpoint goes on with the weights', async () => {
    const { log, validated, state } = await run({ results, average: true });
    expect(validated).toEqual([1.5, 3]);
    expect(state.best).toEqual({ epoch: 1, ...results[0] });
    expect(numberOf(state.bestNumbers.get('w'))).toBe(1.5);
    expect(log).toContain('save: w 6, 2 of state');
  });

  test('are the result of a part without validation', async () => {
    expect((await run({ average: true })).weight).toBe(3);
  });

  test('are the result of a part that was resumed after its last step', async () => {
    const optimiser = new Map([['average:w', one(0.25)]]);
    const { log, weight } = await run({ state: { epoch: EPOCHS, optimiser } });
    expect(log).toEqual([]);
    expect(weight).toBe(0.25);
  });
});

describe('plateau', () => {
  const schedule: PlateauOptions = {
    kind: 'plateau',
    warmup: 1,
    watch: 'loss',
    factor: 0.5,
    patience: 0,
    threshold: 0,
    cooldown: 0,
    floor: 0,
  };
  const epochs = 4;
  const falling = [3, 3, 2, 2].map((loss) => ({ top1: 0.5, loss }));
  /** Warm-up in the first epoch; no improvement in the second and the fourth. */
  const expected = [1 / 3, 2 / 3, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];

  test('the rate falls after results that are no better', async () => {
    const { rates, state } = await run({ settings: { schedule, epochs }, results: falling });
    expect(rates).toBeAllClose(expected);
    expect(state.plateau).toEqual({
      factors: [1, 1, 0.5, 0.5, 0.25],
      best: 2,
      waited: 0,
      cooling: 0,
    });
  });

  test('a refit repeats what was found', async () => {
    const factors = [1, 1, 0.5, 0.5, 0.25];
    const { rates, state } = await run({ settings: { schedule, epochs }, factors });
    expect(rates).toBeAllClose(expected);
    expect(state.plateau).toBeNull();
  });
});

describe('numbers that are none', () => {
  const nan = { loss: Number.NaN };

  test.each([
    ['a loss', { steps: { 4: nan } }, /the loss of step 4 is NaN/],
    [
      'a gradient',
      { steps: { 3: { gradientNorm: Infinity } } },
      /of the gradients of step 3 is Inf/,
    ],
    ['a validation loss', { results: [results[0], { top1: 1, loss: Number.NaN }] }, /validation/],
    ['a weight', { weights: { 6: -Infinity } }, /a number of 'w' is -Infinity/],
  ])(
    '%s in the second epoch: the first one is kept, validated or not',
    async (_, setting, what) => {
      for (const validated of 'results' in setting ? [{}] : [{ results }, {}]) {
        const { divergence, findings, state, weight } = await run({ ...validated, ...setting });
        expect(divergence).toMatchObject({ stage: 's', refit: false, epoch: 2, kept: 1 });
        expect(divergence!.text).toMatch(what);
        expect(divergence!.text).toMatch(/epoch 1 is kept.*stages\.s\.rate, now 1/);
        expect(findings).toEqual([{ stage: 's', refit: false, finding: divergence!.text }]);
        expect(numberOf(state.bestNumbers.get('w')) ?? weight).toBe(3);
      }
    },
  );

  test('a better epoch before is kept rather than the last one', async () => {
    const settings = { epochs: 3 };
    const { divergence } = await run({ results, settings, steps: { 7: nan } });
    expect(divergence).toMatchObject({ epoch: 3, kept: 1 });
  });

  test('after a resume the epoch that it began with is kept', async () => {
    const { divergence, weight } = await run({ state: { epoch: 1 }, steps: { 1: nan } });
    expect(divergence).toMatchObject({ epoch: 2, kept: 1 });
    expect(weight).toBe(0);
  });

  test.each([
    ['in the first epoch', { results, steps: { 1: nan } }],
    ['on features without validation', { source: 'features', weights: { 6: Number.NaN } }],
  ] as const)('%s there is nothing to keep', async (_, setting) => {
    await expect(run(setting)).rejects.toMatchObject({
      code: 'FM_TRAINING',
      message: expect.stringMatching(
        /^stage 's', epoch \d: expected finite numbers, got .* is NaN/,
      ),
    });
  });
});
