// The rows of the benchmark: what is timed, on which contestants. Rows are data; the work behind
// each kind is in workers/ for ours and in peers/contestant.py for PyTorch.

import { fail } from '../src/core/errors.ts';
import { backbones } from '../src/nn/backbones/table.ts';
import type { Work } from './support/job.ts';

/** What a row measures. */
export const kinds = ['step', 'infer', 'features', 'jpeg', 'conv'] as const;
export type Kind = (typeof kinds)[number];

/** Who takes part, in the order of the table's columns. */
export const contestants = ['portable', 'blocked', 'torch', 'channelsLast', 'tfjs', 'jax'] as const;
export type ContestantName = (typeof contestants)[number];

/** One row: a piece of work, and who does it. */
export interface Row {
  /** `step:resnet18:train`; `--only` looks for words in it. */
  readonly name: string;
  /** What the milliseconds are for. */
  readonly unit: 'step' | 'batch' | 'photo' | 'call';
  readonly work: Work;
  readonly contestants: readonly ContestantName[];
}

interface Net {
  /** A backbone of ours, and torchvision's network of that name. */
  readonly net: string;
  /** Images a training step. */
  readonly batch: number;
}

/** The networks compared; those that `src/nn/backbones/table.ts` lacks make no rows. */
const nets: readonly Net[] = [
  { net: 'resnet18', batch: 16 },
  { net: 'resnet50', batch: 16 },
  { net: 'mobilenet_v2', batch: 16 },
  { net: 'alexnet', batch: 32 },
  { net: 'vgg16', batch: 8 },
  { net: 'densenet121', batch: 8 },
  { net: 'googlenet', batch: 16 },
  { net: 'seresnet50', batch: 8 },
];

/** Side of the images in pixels, everywhere. */
const SIZE = 224;

/** ResNet's 3x3 layers, at batch 16: channels and side of the map. */
const convolutions = [
  { channels: 64, side: 56 },
  { channels: 128, side: 28 },
  { channels: 256, side: 14 },
  { channels: 512, side: 7 },
] as const;

/** Every row that the backbones allow, in the order of the table. */
export function allRows(): Row[] {
  const known = nets.flatMap(({ net, batch }) => {
    const backbone = backbones.find(({ name }) => name === net);
    return backbone === undefined ? [] : [{ net, batch, headPath: backbone.headPath }];
  });
  const peers = ['torch', 'channelsLast'] as const;
  return [
    ...known.flatMap(({ net, batch }) =>
      (['frozen', 'train'] as const).map(
        (norms): Row => ({
          name: `step:${net}:${norms}`,
          unit: 'step',
          work: { kind: 'step', net, norms, batch, size: SIZE },
          contestants: ['portable', 'blocked', ...peers],
        }),
      ),
    ),
    ...known.flatMap(({ net }) =>
      [1, 16].map(
        (batch): Row => ({
          name: `infer:${net}:b${batch}`,
          unit: 'batch',
          work: { kind: 'infer', net, batch, size: SIZE, calls: batch === 1 ? 40 : 5 },
          contestants: ['portable', ...peers],
        }),
      ),
    ),
    ...known.map(
      ({ net, headPath }): Row => ({
        name: `features:${net}`,
        unit: 'photo',
        work: { kind: 'features', net, headPath, size: SIZE },
        contestants: ['portable', ...peers],
      }),
    ),
    {
      name: 'jpeg',
      unit: 'photo',
      work: { kind: 'jpeg', size: SIZE, scale: [0.35, 1] },
      contestants: ['portable', 'torch'],
    },
    ...convolutions.map(
      ({ channels, side }): Row => ({
        name: `conv:${channels}x${side}`,
        unit: 'call',
        work: { kind: 'conv', batch: 16, channels, side, calls: 20 },
        contestants: ['portable', 'blocked', ...peers, 'tfjs', 'jax'],
      }),
    ),
  ];
}

/** Which rows to run. Empty lists mean no restriction. */
export interface Selection {
  /** A row stays when its name contains one of these. */
  readonly only: readonly string[];
  readonly kinds: readonly string[];
}

/** The rows of a selection. Throws FM_USAGE for an unknown kind, and where nothing is left. */
export function selectRows(rows: readonly Row[], selection: Selection): Row[] {
  const unknown = selection.kinds.find((kind) => !kinds.some((known) => known === kind));
  if (unknown !== undefined) {
    const expected = `kinds of rows out of ${kinds.join(', ')}`;
    throw fail('FM_USAGE', '--rows', { expected, got: unknown, next: 'Try --list.' });
  }
  const { only } = selection;
  const found = rows.filter(
    ({ name, work }) =>
      (only.length === 0 || only.some((word) => name.includes(word))) &&
      (selection.kinds.length === 0 || selection.kinds.includes(work.kind)),
  );
  if (found.length > 0) return found;
  throw fail('FM_USAGE', '--only and --rows', {
    expected: 'words that the name of a row contains',
    got: [...only, ...selection.kinds].join(', ') || 'no rows at all',
    next: 'Try --list.',
  });
}
