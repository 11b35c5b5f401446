// Line charts as inline SVG, of the one size that reports lay out in a grid.
import { type Content, element, html, type Markup } from './markup.ts';

/** Points in the order in which they are joined. */
export type Line = readonly (readonly [x: number, y: number])[];

export interface Series {
  readonly name: string;
  readonly line: Line;
  /** Number of its colour; by default its place among the series. */
  readonly colour?: number;
}

export interface ChartInput {
  readonly title: string;
  /** What runs along the horizontal axis, for those who cannot see it. */
  readonly along: string;
  readonly series: readonly Series[];
  /** Ends of the horizontal axis, whole numbers. */
  readonly range: readonly [low: number, high: number];
  /** Values are fractions and the axis reaches 100 %. */
  readonly percent?: boolean;
  /** Further marks, which are given the horizontal scale. */
  readonly marks?: (x: Scale) => Content;
  /** Whether names stand in the chart; default: with more than one series. */
  readonly legend?: boolean;
}

const WIDTH = 420;
const HEIGHT = 230;
/** Distance of the axes from the picture's edges. */
const FRAME = { left: 52, right: 12, top: 30, bottom: 30 } as const;
/** Colours that the style sheet has for lines. */
const COLOURS = 8;

/** Where the axes are, for marks. */
export const CHART_SPAN = { top: FRAME.top, bottom: HEIGHT - FRAME.bottom } as const;

/** One chart; every series has at least one point. */
export function lineChart(input: ChartInput): Markup {
  const { title, along, series, range, percent, marks } = input;
  const values = series.flatMap(({ line }) => line.map(([, value]) => value));
  const x = scale(range, [FRAME.left, WIDTH - FRAME.right]);
  const yRange = niceRange(Math.min(0, least(values)), percent ? 1 : most(values));
  const y = scale(yRange, [HEIGHT - FRAME.bottom, FRAME.top]);
  const label = (value: number): string =>
    percent ? `${Math.round(value * 100)} %` : tickText(value);
  const colourOf = (i: number) => (series[i].colour ?? i) % COLOURS;
  const named = input.legend ?? series.length > 1;
  return html`<figure class="chart">${element(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${title} by ${along}` },
    element('text', { x: 0, y: 14, class: 'chart-title' }, title),
    ticks(yRange, 4).map((t) => rowTick(px(y(t)), label(t))),
    wholeTicks(range).map((t) => columnTick(px(x(t)), tickText(t))),
    marks?.(x),
    series.map(({ line }, i) => path(line, { x, y, colour: colourOf(i) })),
    named &&
      series.map(({ name }, i) => legend(name, { i, colour: colourOf(i), n: series.length })),
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

function path(line: Line, { x, y, colour }: { x: Scale; y: Scale; colour: number }): Markup[] {
  const points = line.map(([step, value]) => `${px(x(step))} ${px(y(value))}`);
  const last = line[line.length - 1];
  const end = { cx: px(x(last[0])), cy: px(y(last[1])), r: 3 };
  return [
    element('path', { class: `line s${colour}`, d: `M${points.join('L')}` }),
    element('circle', { class: `dot s${colour}`, ...end }),
  ];
}

function legend(name: string, place: { i: number; colour: number; n: number }): Markup[] {
  const x = WIDTH - FRAME.right - (place.n - place.i) * 84;
  const look = `line s${place.colour}`;
  return [
    element('line', { class: look, x1: x, x2: x + 16, y1: 10, y2: 10 }),
    element('text', { class: 'tick', x: x + 21, y: 14 }, name),
  ];
}

/** From a value to pixels. */
export type Scale = (value: number) => number;

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

/** Steps and epochs have no parts. */
function wholeTicks(range: readonly [number, number]): number[] {
  return ticks(range, 5).filter((t) => Math.abs(t - Math.round(t)) < 1e-9);
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

/** Pixels to a tenth. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The smallest value; infinity without any. */
export function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

/** The largest value; minus infinity without any. */
export function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}
