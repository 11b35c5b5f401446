// Live against PyTorch (`npm run test:full`): every network of the table, whole gradients in float64
// instead of the goldens' projections. DECISIONS, "Gradient agreement". Two cores take half an hour.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runPeer, setUpPeers } from '../../bench/peers/run-peer.ts';
import { bytesOf, float32, type HostTensor } from '../../src/core/tensor.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import type { Lowering } from '../../src/graph/lowered.ts';
import { backbones, findBackbone } from '../../src/nn/backbones/table.ts';
import { blockedLanes } from '../../src/runtime/probe.ts';
import { fillTensor, STATISTIC_FLOOR } from '../support/golden.ts';
import { type Form, networkStep } from '../support/network.ts';
import { median, relativeError } from '../support/numbers.ts';

interface Case {
  readonly net: string;
  /** Default: the published one, without auxiliary classifiers. */
  readonly form?: Form;
  readonly norms: 'frozen' | 'train';
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** The input is the one of so many that is farthest from every rectifier's kink. */
  readonly seeds: number;
}

/** Two small square images: deep networks and wide classifiers take long enough with them. */
const small = (net: string, seeds = 40, form?: Form): Case => {
  return { net, form, norms: 'frozen', batch: 2, height: 64, width: 64, seeds };
};

const cases: readonly Case[] = [
  { net: 'resnet18', norms: 'frozen', batch: 3, height: 64, width: 96, seeds: 40 },
  { net: 'resnet34', norms: 'frozen', batch: 3, height: 64, width: 96, seeds: 40 },
  { net: 'resnet50', norms: 'frozen', batch: 2, height: 64, width: 64, seeds: 40 },
  { net: 'mobilenet_v2', norms: 'frozen', batch: 2, height: 64, width: 64, seeds: 200 },
  { net: 'googlenet', norms: 'frozen', batch: 2, height: 64, width: 64, seeds: 40 },
  { net: 'densenet121', norms: 'frozen', batch: 2, height: 64, width: 64, seeds: 40 },
  { net: 'seresnet50', norms: 'frozen', batch: 2, height: 64, width: 64, seeds: 40 },
  { net: 'vgg_m', norms: 'frozen', batch: 2, height: 96, width: 96, seeds: 5 },
  { net: 'alexnet', norms: 'frozen', batch: 2, height: 96, width: 96, seeds: 20 },
  { net: 'resnet18', norms: 'train', batch: 8, height: 64, width: 64, seeds: 40 },
  { net: 'mobilenet_v2', norms: 'train', batch: 8, height: 64, width: 64, seeds: 60 },
  ...[11, 13, 16, 19].flatMap((depth) => [small(`vgg${depth}`), small(`vgg${depth}_bn`)]),
  ...['resnet101', 'resnet152', 'seresnet101', 'senet154'].map((net) => small(net)),
  ...['densenet161', 'densenet169'].map((net) => small(net)),
  small('densenet201', 120),
  ...['035', '050', '075', '130', '140'].map((width) => small(`mobilenet_v2_${width}`, 200)),
  small('resnet50', 40, 'dilate'),
  small('resnet50', 40, 'remove'),
  { ...small('googlenet', 40, 'auxiliaries'), height: 96, width: 96 },
  {
    net: 'googlenet',
    form: 'auxiliaries',
    norms: 'train',
    batch: 8,
    height: 64,
    width: 64,
    seeds: 20,
  },
];
const block = await blockedLanes();
const lowerings: readonly Lowering[] = block === undefined ? ['portable'] : ['portable', { block }];
const CLASSES = 37;
const SMOOTHING = 0.1;

function titleOf({ net, form, norms, batch, height, width }: Case): string {
  return `${net}${form === undefined ? '' : ` (${form})`}, ${norms} norms, ${batch}x${height}x${width}`;
}

/** What grads.py prints; the rest is in its file. */
interface Summary {
  seed: number;
  kinkMargin: number;
  errors: { median: number; max: number };
  runningVar: [number, number];
}

/** Why the tests cannot run, or undefined. */
function obstacle(): string | undefined {
  if (process.env.FIELDMARK_FULL === undefined) return 'FIELDMARK_FULL is not set';
  const peers = setUpPeers();
  return 'none' in peers ? peers.none : undefined;
}

/** PyTorch's side of a case: its summary, and tensors by grads.py's names. */
async function peerStep(c: Case): Promise<Summary & { tensors: Map<string, HostTensor> }> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldmark-grads-'));
  try {
    const out = join(folder, 'grads.safetensors');
    const flags = {
      net: c.form === undefined ? c.net : `${c.net}:${c.form}`,
      norms: c.norms,
      batch: c.batch,
      size: `${c.height}x${c.width}`,
      seeds: c.seeds,
      classes: CLASSES,
      smoothing: SMOOTHING,
      out,
    };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)]);
    const summary = await runPeer<Summary>('grads', args);
    return { ...summary, tensors: (await readSafetensors(out)).tensors };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Ours beside PyTorch's float32, each against float64. Errors of zero tensors are absolute. */
interface Row {
  readonly name: string;
  readonly ours: number;
  readonly torch: number;
  readonly zero: boolean;
}

function rowsOf(got: ReadonlyMap<string, Float32Array>, tensors: Map<string, HostTensor>): Row[] {
  return [...got].map(([name, numbers]) => {
    const exact = tensors.get(name)!.data as Float64Array;
    const error = tensors.get(`err:${name.replace(/^grad:/, '')}`)!.data as Float64Array;
    return {
      name,
      ours: relativeError(numbers, exact),
      torch: name.startsWith('stat:') ? Math.max(error[0], STATISTIC_FLOOR) : error[0],
      zero: exact.every((value) => value === 0),
    };
  });
}

function report(
  c: Case,
  lowering: Lowering,
  { seed, kinkMargin }: Summary,
  rows: readonly Row[],
): void {
  const graded = rows.filter(({ name, zero }) => name.startsWith('grad:') && !zero);
  const show = (errors: number[]) =>
    `median ${median(errors).toExponential(2)}, worst ${Math.max(...errors).toExponential(2)}`;
  const ratio = Math.max(...graded.map(({ ours, torch }) => ours / torch)).toFixed(2);
  console.info(
    `${titleOf(c)}, ${lowering === 'portable' ? lowering : 'blocked'}, seed ${seed}, kink margin ` +
      `${kinkMargin.toFixed(2)}: ours ${show(graded.map(({ ours }) => ours))}; torch ` +
      `${show(graded.map(({ torch }) => torch))}; largest ratio ${ratio}`,
  );
}

const reason = obstacle();
if (reason !== undefined) console.info(`live comparison with PyTorch skipped: ${reason}`);

test('every network but our own has a case', () => {
  const held = new Set(cases.map(({ net }) => net));
  const names = backbones.map(({ name }) => name).filter((name) => !held.has(name));
  expect(names).toEqual(['resnet_tiny']);
});

describe.skipIf(reason !== undefined)('gradients agree with live PyTorch', () => {
  test.each(cases.map((c) => [titleOf(c), c] as const))(
    '%s',
    { timeout: 3_600_000 },
    async (_, c) => {
      const peer = await peerStep(c);
      const { tensors, runningVar } = peer;
      for (const [name, tensor] of tensors) {
        if (!name.startsWith('value:')) continue;
        const ours = fillTensor(name.slice('value:'.length), tensor.shape, { runningVar });
        const same = Buffer.compare(bytesOf(float32(tensor.shape, ours)), bytesOf(tensor)) === 0;
        expect(same, name).toBe(true);
        tensors.delete(name); // half a gigabyte of VGG
      }
      const labels = Array.from(tensors.get('labels')!.data as BigInt64Array, Number);
      const setting = { ...c, labels, labelSmoothing: SMOOTHING, runningVar };
      const image = Float32Array.from(tensors.get('input')!.data as Float64Array);
      for (const lowering of lowerings) {
        const step = await networkStep(findBackbone(c.net), setting, CLASSES, image, lowering);
        const rows = rowsOf(
          new Map([
            ['logits', step.logits],
            ...[...step.gradients].map(([path, numbers]) => [`grad:${path}`, numbers] as const),
            ...[...step.statistics].map(([path, numbers]) => [`stat:${path}`, numbers] as const),
          ]),
          tensors,
        );
        const held = c.norms === 'train' ? /^(logits|grad:|stat:)/ : /^(logits|grad:)/;
        const theirs = [...tensors.keys()].filter((name) => held.test(name));
        expect(rows.map(({ name }) => name).sort()).toEqual(theirs.sort());
        report(c, lowering, peer, rows);
        // one tensor's own error is luck; what rounding to expect, the network's median says
        const graded = rows.filter(({ name, zero }) => name.startsWith('grad:') && !zero);
        const usual = median(graded.map(({ torch }) => torch));
        // else PyTorch went over a kink itself, and would excuse anything
        if (c.norms === 'frozen') expect(usual, "PyTorch's own error").toBeLessThan(1e-5);
        const above = rows.filter(({ ours, torch, zero }) => {
          return !(ours <= 2 * (zero ? torch : Math.max(torch, usual)));
        });
        expect(above, `kink margin ${peer.kinkMargin}`).toEqual([]);
        if (c.norms === 'frozen') {
          expect(median(graded.map(({ ours }) => ours))).toBeLessThanOrEqual(1e-5);
        }
      }
    },
  );
});
