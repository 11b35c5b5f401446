// Every backbone: loss, logits, running statistics and the gradient of every parameter against
// PyTorch in float64 (DECISIONS, "Gradient agreement"), or, for networks of our own, against our
// plain float64 evaluation of the same graph.
import { describe, expect, test } from 'vitest';
import type { Lowering } from '../../src/graph/lowered.ts';
import { backbones } from '../../src/nn/backbones/table.ts';
import { blockedLanes } from '../../src/runtime/probe.ts';
import {
  fillInput,
  fillLabels,
  goldenError,
  type NetworkCase,
  readNetworkGolden,
  STATISTIC_FLOOR,
  type TensorGolden,
} from '../support/golden.ts';
import { type NetworkStep, type Numbers, networkStep, oracleStep } from '../support/network.ts';
import { median, relativeError } from '../support/numbers.ts';

/** Those that torchvision has; the others are held against the float64 oracle. */
const goldenNames = [
  'alexnet',
  'googlenet',
  'resnet18',
  'resnet34',
  'resnet50',
  'densenet121',
  'seresnet50',
  'mobilenet_v2',
];

const block = await blockedLanes();
if (block === undefined) console.info('blocked lowering skipped: it does not run on this machine');
const lowerings: readonly (readonly [string, Lowering])[] = [
  ['portable', 'portable'],
  ...(block === undefined ? [] : [['blocked', { block }] as const]),
];

/** Times PyTorch's float32 error against float64. */
const LIMIT = 2;
/** Errors are estimated from 32 projections: three standard deviations, for hundreds of tensors. */
const ESTIMATE = 1.375;
/** Over a network's parameters, with frozen norms. */
const MEDIAN_LIMIT = 1e-5;

interface Judged {
  readonly path: string;
  readonly error: number;
  readonly limit: number;
}

interface Comparison extends Judged {
  /** The exact tensor is zero, and its error absolute. */
  readonly zero: boolean;
}

/** `floor`: what PyTorch's own error is taken to be at least. */
function compare(got: Numbers, goldens: Record<string, TensorGolden>, floor = 0): Comparison[] {
  return Object.entries(goldens).map(([path, golden]) => {
    const numbers = got.get(path);
    if (numbers === undefined) throw new Error(`${path}: expected a tensor, got none`);
    return {
      path,
      error: goldenError(numbers, golden, path),
      limit: LIMIT * ESTIMATE * (golden.norm === 0 ? golden.error : Math.max(golden.error, floor)),
      zero: golden.norm === 0,
    };
  });
}

/** What is above its limit, worst first, as lines for the message. */
function offenders(comparisons: readonly Judged[]): string[] {
  return comparisons
    .filter(({ error, limit }) => !(error <= limit))
    .sort((a, b) => b.error / b.limit - a.error / a.limit)
    .map(({ path, error, limit }) => `${path}: ${error} above ${limit}`);
}

async function run(
  net: string,
  golden: NetworkCase,
  classes: number,
  lowering: Lowering,
): Promise<NetworkStep> {
  const backbone = backbones.find(({ name }) => name === net)!;
  const { batch, height, width, inputSeed } = golden;
  const image = fillInput([batch, 3, height, width], inputSeed);
  return await networkStep(backbone, golden, classes, image, lowering);
}

test('every golden belongs to a backbone of the table', () => {
  expect(backbones.map(({ name }) => name)).toEqual(expect.arrayContaining([...goldenNames]));
});

for (const net of goldenNames) {
  const { cases, classes } = readNetworkGolden(net);
  const titled = cases.flatMap((golden) =>
    lowerings.map(([name, lowering]) => [golden.name, name, golden, lowering] as const),
  );
  describe.each(titled)(`${net} %s, %s lowering`, (_, __, golden, lowering) => {
    let running: Promise<NetworkStep> | undefined;
    const step = () => {
      running ??= run(net, golden, classes, lowering);
      return running;
    };

    test('loss and logits', async () => {
      const { loss, logits } = await step();
      const { error } = golden.logits;
      expect(goldenError(logits, golden.logits, 'logits')).toBeLessThanOrEqual(LIMIT * error);
      // one number's own error is luck; what rounding to expect, the logits say
      const luckless = Math.max(error, golden.loss.error);
      expect(goldenError(loss, golden.loss, 'loss')).toBeLessThanOrEqual(LIMIT * luckless);
    });

    test('the gradient of every parameter, and of the image', async () => {
      const { gradients } = await step();
      const leftOut = golden.leftOut ? new RegExp(golden.leftOut) : undefined;
      const held = [...gradients.keys()].filter((path) => !leftOut?.test(path));
      expect(held.sort()).toEqual(Object.keys(golden.gradients).sort());
      // one tensor's own error is luck; what rounding to expect, the network's median says
      const comparisons = compare(gradients, golden.gradients, golden.medianError);
      expect(offenders(comparisons)).toEqual([]);
      const parameters = comparisons.filter(({ path, zero }) => path !== 'input' && !zero);
      const middle = median(parameters.map(({ error }) => error));
      const limit = golden.norms === 'frozen' ? MEDIAN_LIMIT : LIMIT * golden.medianError;
      expect(middle).toBeLessThanOrEqual(limit);
    });

    test('running statistics after the step, none with frozen norms', async () => {
      const { statistics } = await step();
      const expected = golden.statistics ?? {};
      expect([...statistics.keys()].sort()).toEqual(Object.keys(expected).sort());
      expect(offenders(compare(statistics, expected, STATISTIC_FLOOR))).toEqual([]);
    });
  });
}

/** No library has these; all others are held against PyTorch, here or in the full tests. */
const ownBackbones = backbones.filter(({ name }) => name === 'resnet_tiny');

/** About four times what is measured for a residual network of ten layers, 5e-7 to 1.5e-6. */
const ORACLE_LIMIT = 5e-6;

for (const backbone of ownBackbones) {
  test.each(
    (['frozen', 'train'] as const).flatMap((norms) =>
      lowerings.map(([name, lowering]) => [norms, name, lowering] as const),
    ),
  )(
    `${backbone.name}, %s norms, %s lowering: agrees with the float64 oracle`,
    async (norms, _, lowering) => {
      const [batch, height, width, classes] = [4, 32, 24, 7];
      const labels = fillLabels(batch, classes);
      const runningVar: [number, number] = [3, 4];
      const setting = { norms, batch, height, width, labelSmoothing: 0.1, labels, runningVar };
      const image = fillInput([batch, 3, height, width]);
      const exact = oracleStep(backbone, setting, classes, image);
      const { loss, logits, gradients, statistics } = await networkStep(
        backbone,
        setting,
        classes,
        image,
        lowering,
      );
      const got = new Map([
        ['loss', loss],
        ['logits', logits],
        ...[...gradients].map(([path, numbers]) => [`grad:${path}`, numbers] as const),
        ...[...statistics].map(([path, numbers]) => [`stat:${path}`, numbers] as const),
      ]);
      expect([...got.keys()].sort()).toEqual([...exact.keys()].sort());
      const errors = [...exact].map(([name, expected]) => {
        return { path: name, error: relativeError(got.get(name)!, expected), limit: ORACLE_LIMIT };
      });
      expect(offenders(errors)).toEqual([]);
    },
  );
}
