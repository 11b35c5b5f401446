// Line charts as inline SVG, of the one size that reports lay out in a grid. The horizontal axis is
// made of bands, such as the stages of a run, each with a count of its own.
import { element, html, type Markup, shortened } from './markup.ts';

/** Points in the order in which they are joined. */
export type Line = readonly (readonly [x: number, y: number])[];

export interface Series {
  readonly name: string;
  /** One for each band; they are not joined, and may be empty. */
  readonly lines: readonly Line[];
  /** Number of its colour; by default its place among the series. */
  readonly colour?: number;
}

/** A piece of the horizontal axis. */
export interface Band {
  /** Stands below it. */
  readonly name?: string;
  /** Its ends, whole numbers. */
  readonly range: readonly [low: number, high: number];
}

export interface ChartInput {
  readonly title: string;
  /** What runs along the horizontal axis, for those who cannot see it. */
  readonly along: string;
  readonly series: readonly Series[];
  readonly bands: readonly Band[];
  /** Values are fractions and the axis reaches 100 %. */
  readonly percent?: boolean;
  /** Whether names stand in the chart; default: with more than one series. */
  readonly legend?: boolean;
}

const WIDTH = 420;
const HEIGHT = 262;
/** Distance of the axes from the picture's edges. */
const FRAME = { left: 52, right: 12, top: 30, bottom: 62 } as const;
/** Colours that the style sheet has for lines. */
const COLOURS = 8;

/** Least share of the width that a band has, as long as there are few of them. */
const NARROWEST = 0.17;
/** Share of the width that least shares may take together. */
const CROWDED = 0.7;
/** Heights below the axis: numbers, then a band's name. */
const NUMBERS = HEIGHT - FRAME.bottom + 19;
const NAMES = NUMBERS + 20;
/** Width of a character of a name, pixels. */
const CHARACTER = 6.2;
/** Pixels from one number below the axis to the next, at least. */
const TICK_ROOM = 26;

/** One chart; every series has at least one point. */
export function lineChart(input: ChartInput): Markup {
  const { title, along, series, percent } = input;
  const values = series.flatMap(({ lines }) => lines.flat().map(([, value]) => value));
  const places = placesOf(input.bands);
  const yRange = niceRange(Math.min(0, least(values)), percent ? 1 : most(values));
  const y = scale(yRange, [HEIGHT - FRAME.bottom, FRAME.top]);
  const label = (value: number): string =>
    percent ? `${Math.round(value * 100)} %` : tickText(value);
  const colourOf = (i: number) => (series[i].colour ?? i) % COLOURS;
  const named = input.legend ?? series.length > 1;
  const height = input.bands.some(({ name }) => name !== undefined) ? HEIGHT : NUMBERS + 6;
  return html`<figure class="chart">${element(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': `${title} by ${along}` },
    element('text', { x: 0, y: 14, class: 'chart-title' }, title),
    ticks(yRange, 4).map((t) => rowTick(px(y(t)), label(t))),
    columnTicks(places, along),
    places.map((place, i) => bandMarks(place, i)),
    series.map(({ lines }, i) =>
      lines.map((line, band) => path(line, { x: places[band].x, y, colour: colourOf(i) })),
    ),
    named &&
      series.map(({ name }, i) => legend(name, { i, colour: colourOf(i), n: series.length })),
  )}</figure>`;
}

/** A band with its place. */
interface Place extends Band {
  readonly from: number;
  readonly to: number;
  readonly x: Scale;
}

/**
 * Bands side by side, as wide as the roots of their lengths are to one another: two epochs beside a
 * hundred can be seen.
 */
function placesOf(bands: readonly Band[]): Place[] {
  const roots = bands.map(({ range: [low, high] }) => Math.sqrt(Math.max(1, high - low)));
  const whole = roots.reduce((sum, root) => sum + root, 0);
  const narrowest = Math.min(NARROWEST, CROWDED / bands.length);
  const shares = roots.map((root) => Math.max(root / whole, narrowest));
  const width = WIDTH - FRAME.right - FRAME.left;
  const unit = width / shares.reduce((sum, share) => sum + share, 0);
  let to = FRAME.left;
  return bands.map((band, i) => {
    const from = to;
    to += shares[i] * unit;
    return { ...band, from, to, x: scale(band.range, [from, to]) };
  });
}

/** Numbers below the axis, as many as have room, and what is counted. */
function columnTicks(places: readonly Place[], along: string): Markup[] {
  const found: Markup[] = [];
  let taken = FRAME.left - TICK_ROOM;
  for (const { range, from, to, x } of places) {
    const count = Math.max(1, Math.min(5, Math.floor((to - from) / TICK_ROOM)));
    for (const tick of wholeTicks(range, count)) {
      const at = px(x(tick));
      // a number at the border belongs to the band that it ends
      if (at - taken < TICK_ROOM || (tick === range[0] && from > FRAME.left)) continue;
      taken = at;
      found.push(belowAxis(at, NUMBERS, tickText(tick)));
    }
  }
  return [...found, belowAxis(0, NUMBERS, along, 'start')];
}

/** The band's name below it, and a dotted line where it begins; the first needs no line. */
function bandMarks({ name, from, to }: Place, i: number): Markup[] {
  const line = (y1: number, y2: number) =>
    element('line', { class: 'stage', x1: px(from), x2: px(from), y1, y2 });
  const border = [line(FRAME.top, HEIGHT - FRAME.bottom), line(NUMBERS + 5, HEIGHT)];
  const marks = i === 0 ? [] : border;
  if (name === undefined) return marks;
  const room = Math.max(2, Math.floor((to - from) / CHARACTER));
  const [first, ...rest] = name.split(' ');
  const lines = name.length <= room ? [name] : [first, rest.join(' ')];
  const place = { 'text-anchor': 'middle', x: px((from + to) / 2) };
  const texts = lines.map((words, row) =>
    element('text', { class: 'tick band', ...place, y: NAMES + 13 * row }, [
      element('title', {}, name),
      shortened(words, room),
    ]),
  );
  return [...marks, ...texts];
}

/** A grid line with its value on the left. */
function rowTick(y: number, label: string): Markup[] {
  const at = { x: FRAME.left - 6, y: y + 4, 'text-anchor': 'end' };
  return [
    element('line', { class: 'grid', x1: FRAME.left, x2: WIDTH - FRAME.right, y1: y, y2: y }),
    element('text', { class: 'tick', ...at }, label),
  ];
}

function belowAxis(x: number, y: number, label: string, anchor = 'middle'): Markup {
  return element('text', { class: 'tick', 'text-anchor': anchor, x, y }, label);
}

function path(line: Line, { x, y, colour }: { x: Scale; y: Scale; colour: number }): Markup[] {
  if (line.length === 0) return [];
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

/** Epochs have no parts. */
function wholeTicks(range: readonly [number, number], count: number): number[] {
  return ticks(range, count).filter((t) => Math.abs(t - Math.round(t)) < 1e-9);
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
function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}

function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
}
