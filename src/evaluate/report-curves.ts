// Training curves as inline SVG: one small chart per quantity, the step on the horizontal axis.
import { CHART_SPAN, type Line, least, lineChart, most, px, type Scale } from './chart.ts';
import { type Content, element, type Markup, shortened } from './markup.ts';

/** One line of `metrics.jsonl`, as far as it is drawn. Accuracies are fractions. */
export interface TrainingPoint {
  readonly step: number;
  readonly epoch?: number;
  /** Stage of the method; a change is marked in the charts. */
  readonly stage?: string;
  readonly loss?: number;
  readonly lr?: number;
  readonly trainTop1?: number;
  readonly valTop1?: number;
  readonly valLoss?: number;
}

type Quantity = 'loss' | 'lr' | 'trainTop1' | 'valTop1' | 'valLoss';

interface ChartPlan {
  readonly title: string;
  /** Quantity and the words of its legend. */
  readonly series: readonly (readonly [Quantity, string])[];
  readonly percent?: boolean;
}

const CHARTS: readonly ChartPlan[] = [
  {
    title: 'Accuracy',
    series: [
      ['valTop1', 'held-out'],
      ['trainTop1', 'training'],
    ],
    percent: true,
  },
  {
    title: 'Loss',
    series: [
      ['valLoss', 'held-out'],
      ['loss', 'training'],
    ],
  },
  { title: 'Learning rate', series: [['lr', 'learning rate']] },
];

/** Points drawn per line: more cannot be seen at this width. */
const MOST_POINTS = 400;

/** Charts for the quantities that were recorded; empty when none was. */
export function trainingCharts(points: readonly TrainingPoint[]): Markup[] {
  const steps = points.map(({ step }) => step);
  const range = [least(steps), most(steps)] as const;
  return CHARTS.flatMap((plan) => {
    const series = plan.series
      .map(([key, name]) => ({ name, line: lineOf(points, key) }))
      .filter(({ line }) => line.length > 0);
    const { title, percent } = plan;
    const marks = (x: Scale) => stageMarks(points, x);
    return series.length === 0
      ? []
      : [lineChart({ title, along: 'step', series, range, percent, marks })];
  });
}

function lineOf(points: readonly TrainingPoint[], key: Quantity): Line {
  const all = points.flatMap((point): [number, number][] => {
    const value = point[key];
    return value !== undefined && Number.isFinite(value) ? [[point.step, value]] : [];
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

/** A dotted line where a new stage begins, with the stage's name; the first needs no line. */
function stageMarks(points: readonly TrainingPoint[], x: Scale): Content[] {
  const { top, bottom } = CHART_SPAN;
  return points.map((point, i) => {
    if (point.stage === undefined || point.stage === points[i - 1]?.stage) return null;
    const at = px(x(point.step));
    const label = { class: 'tick', x: at + 4, y: top + 10 };
    return [
      i > 0 && element('line', { class: 'stage', x1: at, x2: at, y1: top, y2: bottom }),
      element('text', label, shortened(point.stage, 14)),
    ];
  });
}
