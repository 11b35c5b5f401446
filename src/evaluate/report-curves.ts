// Training curves as inline SVG: one small chart per quantity, the stages of the run side by side.
import { type Line, lineChart, type Series } from './chart.ts';
import type { Markup } from './markup.ts';

/** What was logged at one moment. Accuracies are fractions. */
export interface TrainingPoint {
  /** Epochs of the part that are over, with parts of one. */
  readonly epoch: number;
  readonly loss?: number;
  readonly lr?: number;
  readonly trainTop1?: number;
  readonly valTop1?: number;
  readonly valLoss?: number;
}

/** A stage of the method, or its repetition on all training images, with an axis of its own. */
export interface TrainingPhase {
  readonly name: string;
  readonly refit: boolean;
  readonly epochs: number;
  /** In order. */
  readonly points: readonly TrainingPoint[];
}

type Quantity = 'loss' | 'lr' | 'trainTop1' | 'valTop1' | 'valLoss';

interface ChartPlan {
  readonly title: string;
  /** Quantity and the words of its legend. */
  readonly series: readonly (readonly [Quantity, string])[];
  readonly percent?: boolean;
}

const HELD_OUT = 'held-out';
const TRAINING = 'training';
/** The same in all charts. */
const COLOURS: Readonly<Record<string, number>> = { [HELD_OUT]: 0, [TRAINING]: 1 };

const CHARTS: readonly ChartPlan[] = [
  {
    title: 'Accuracy',
    series: [
      ['valTop1', HELD_OUT],
      ['trainTop1', TRAINING],
    ],
    percent: true,
  },
  {
    title: 'Loss',
    // the held-out one on top: it has a point for each epoch, the other one for each step
    series: [
      ['loss', TRAINING],
      ['valLoss', HELD_OUT],
    ],
  },
  { title: 'Learning rate', series: [['lr', 'learning rate']] },
];

/** Points drawn per line: more cannot be seen at this width. */
const MOST_POINTS = 400;

/** Charts for the quantities that were recorded; empty when none was. */
export function trainingCharts(parts: readonly TrainingPhase[]): Markup[] {
  const bands = parts.map(({ name, epochs }) => ({ name, range: [0, epochs] as const }));
  return CHARTS.flatMap(({ title, percent, series: planned }) => {
    const series = planned.flatMap(([key, name]): Series[] => {
      const lines = parts.map(({ points }) => lineOf(points, key));
      if (lines.every((line) => line.length === 0)) return [];
      return [{ name, lines, colour: COLOURS[name] ?? 0 }];
    });
    if (series.length === 0) return [];
    const legend = planned.length > 1;
    return [lineChart({ title, along: 'epoch', series, bands, percent, legend })];
  });
}

function lineOf(points: readonly TrainingPoint[], key: Quantity): Line {
  const all = points.flatMap((point): [number, number][] => {
    const value = point[key];
    return value !== undefined && Number.isFinite(value) ? [[point.epoch, value]] : [];
  });
  return thinned(all);
}

/** Means of neighbouring points, so that a long noisy loss stays a line. */
function thinned(line: Line): Line {
  const group = Math.ceil(line.length / MOST_POINTS);
  if (group <= 1) return line;
  return Array.from({ length: Math.ceil(line.length / group) }, (_, g) => {
    const members = line.slice(g * group, (g + 1) * group);
    const mean = (at: 0 | 1): number => members.reduce((sum, p) => sum + p[at], 0) / members.length;
    return [mean(0), mean(1)] as const;
  });
}
