// Training curves as inline SVG: one small chart per quantity, the step on the horizontal axis.
import { type Content, element, html, type Markup, shortened } from './markup.ts';

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

const WIDTH = 420;
const HEIGHT = 230;
const FRAME = { left: 52, right: 12, top: 30, bottom: 30 } as const;
/** Points drawn per line: more cannot be seen at this width. */
const MOST_POINTS = 400;

/** Charts for the quantities that were recorded; empty when none was. */
export function trainingCharts(points: readonly TrainingPoint[]): Markup[] {
  return CHARTS.flatMap((plan) => {
    const series = plan.series
      .map(([key, name]) => ({ key, name, line: lineOf(points, key) }))
      .filter(({ line }) => line.length > 0);
    return series.length === 0 ? [] : [chart(plan, series, points)];
  });
}

type Line = readonly (readonly [step: number, value: number])[];

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

interface Series {
  readonly key: Quantity;
  readonly name: string;
  readonly line: Line;
}

function chart(plan: ChartPlan, series: readonly Series[], points: readonly TrainingPoint[]) {
  const values = series.flatMap(({ line }) => line.map(([, value]) => value));
  const steps = points.map(({ step }) => step);
  const x = scale([least(steps), most(steps)], [FRAME.left, WIDTH - FRAME.right]);
  const yRange = niceRange(Math.min(0, least(values)), plan.percent ? 1 : most(values));
  const y = scale(yRange, [HEIGHT - FRAME.bottom, FRAME.top]);
  const label = (value: number): string =>
    plan.percent ? `${Math.round(value * 100)} %` : tickText(value);
  return html`<figure class="chart">${element(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${plan.title} by step` },
    element('text', { x: 0, y: 14, class: 'chart-title' }, plan.title),
    ticks(yRange, 4).map((t) => rowTick(px(y(t)), label(t))),
    ticks([least(steps), most(steps)], 5).map((t) => columnTick(px(x(t)), tickText(t))),
    stageMarks(points, x),
    series.map((s, index) => path(s.line, { x, y, index })),
    series.length > 1 && series.map((s, i) => legend(s.name, i, series.length)),
  )}</figure>`;
}

/** A grid line with its value on the left. */
function rowTick(y: number, label: string): Markup[] {
  const at = { x: FRAME.left - 6, y: y + 4, 'text-anchor': 'end' };
  return [
    element('line', { class: 'grid', x1: FRAME.left, x2: WIDTH - FRAME.right, y1: y, y2: y }),
    element('text', { class: 'tick', ...at }, label),
  ];
}

function columnTick(x: number, label: string): Markup {
  return element('text', { class: 'tick', 'text-anchor': 'middle', x, y: HEIGHT - 10 }, label);
}

function path(line: Line, { x, y, index }: { x: Scale; y: Scale; index: number }): Markup[] {
  const points = line.map(([step, value]) => `${px(x(step))} ${px(y(value))}`);
  const last = line[line.length - 1];
  const end = { cx: px(x(last[0])), cy: px(y(last[1])), r: 3 };
  return [
    element('path', { class: `line s${index}`, d: `M${points.join('L')}` }),
    element('circle', { class: `dot s${index}`, ...end }),
  ];
}

function legend(name: string, index: number, count: number): Markup[] {
  const x = WIDTH - FRAME.right - (count - index) * 84;
  return [
    element('line', { class: `line s${index}`, x1: x, x2: x + 16, y1: 10, y2: 10 }),
    element('text', { class: 'tick', x: x + 21, y: 14 }, name),
  ];
}

/** A dotted line where a new stage begins, with the stage's name; the first needs no line. */
function stageMarks(points: readonly TrainingPoint[], x: Scale): Content[] {
  const bottom = HEIGHT - FRAME.bottom;
  return points.map((point, i) => {
    if (point.stage === undefined || point.stage === points[i - 1]?.stage) return null;
    const at = px(x(point.step));
    const label = { class: 'tick', x: at + 4, y: FRAME.top + 10 };
    return [
      i > 0 && element('line', { class: 'stage', x1: at, x2: at, y1: FRAME.top, y2: bottom }),
      element('text', label, shortened(point.stage, 14)),
    ];
  });
}

type Scale = (value: number) => number;

function scale(
  [low, high]: readonly [number, number],
  [from, to]: readonly [number, number],
): Scale {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** Round numbers, about `count` of them, within the range. */
function ticks([low, high]: readonly [number, number], count: number): number[] {
  const step = niceStep((high - low) / count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(1, last - first + 1) }, (_, i) => (first + i) * step);
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((m) => m * power >= rough * 0.999) ?? 10);
}

function niceRange(low: number, high: number): [number, number] {
  // a range too narrow for its own size has no round numbers in it
  const narrow = 1e-12 * Math.max(Math.abs(low), Math.abs(high)) + 1e-30;
  const top = high - low > narrow ? high : low + 1;
  const step = niceStep((top - low) / 4);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(top / step - 1e-9) * step];
}

function tickText(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(0).replace('e+', 'e');
  return `${Number(value.toPrecision(3))}`;
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}
