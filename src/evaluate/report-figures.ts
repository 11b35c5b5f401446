// The figures of a report that come from an evaluation: reliability diagram and confusion matrix.
import { shownName } from '../recognise/class-name.ts';
import type { ReliabilityBin } from './calibration.ts';
import { type Attributes, element, html, type Markup, percentText, shortened } from './markup.ts';

const SIDE = 260;
const LEFT = 46;
const TOP = 12;
/** Height of the histogram below the diagram. */
const HISTOGRAM = 46;
/** Most classes whose cells show their number. */
const NUMBERED = 20;
/** Characters of a class name that a matrix shows. */
const LONGEST = 24;

/**
 * Reliability diagram: accuracy of each confidence bin against the diagonal of perfect calibration,
 * with the number of images per bin below.
 */
export function reliabilityDiagram(bins: readonly ReliabilityBin[]): Markup {
  const y = (value: number): number => round(TOP + SIDE * (1 - value));
  const x = (value: number): number => round(LEFT + SIDE * value);
  const most = Math.max(1, ...bins.map((bin) => bin.n));
  const base = TOP + SIDE + 8 + HISTOGRAM;
  const [middle, right] = [LEFT + SIDE / 2, LEFT + SIDE];
  return html`<figure class="reliability">${element(
    'svg',
    { viewBox: `0 0 ${right + 14} ${base + 40}`, role: 'img', 'aria-label': 'Reliability diagram' },
    [0, 0.25, 0.5, 0.75, 1].map((t) => [
      element('line', { class: 'grid', x1: LEFT, x2: right, y1: y(t), y2: y(t) }),
      tick(Math.round(t * 100), { x: LEFT - 6, y: y(t) + 4, 'text-anchor': 'end' }),
      tick(Math.round(t * 100), { x: x(t), y: base + 16 }),
    ]),
    bins.filter((bin) => bin.n > 0).map((bin) => binBars(bin, { x, y, base, most })),
    element('line', { class: 'diagonal', x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    tick('confidence, %', { x: middle, y: base + 34 }),
    tick('right, %', { transform: `translate(11 ${TOP + SIDE / 2}) rotate(-90)` }),
    tick('images', { transform: `translate(11 ${base - HISTOGRAM / 2}) rotate(-90)` }),
  )}</figure>`;
}

/** Small quiet text, centred unless told. */
function tick(text: string | number, attributes: Attributes): Markup {
  return element('text', { class: 'tick', 'text-anchor': 'middle', ...attributes }, text);
}

interface BinScales {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly base: number;
  readonly most: number;
}

function binBars(bin: ReliabilityBin, { x, y, base, most }: BinScales): Markup {
  const place = { x: x(bin.low), width: Math.max(1, round(x(bin.high) - x(bin.low) - 1.5)) };
  const count = round(Math.max(1, (bin.n / most) * HISTOGRAM));
  const reached = y(Math.min(bin.accuracy, bin.confidence));
  const gap = round(Math.abs(y(bin.accuracy) - y(bin.confidence)));
  const kind = bin.accuracy < bin.confidence ? 'gap over' : 'gap under';
  const [claim, kept] = [percentText(bin.confidence), percentText(bin.accuracy)];
  return element(
    'g',
    {},
    element(
      'title',
      {},
      `confidence ${claim}, right ${kept}, ${bin.n} ${bin.n === 1 ? 'image' : 'images'}`,
    ),
    element('rect', { class: 'bin', ...place, y: reached, height: round(y(0) - reached) }),
    element('rect', { class: kind, ...place, y: round(reached - gap), height: gap }),
    element('rect', { class: 'count', ...place, y: round(base - count), height: count }),
  );
}

/**
 * Confusion matrix, truth by row and answer by column, coloured by share of the row. Numbers stand
 * in the cells up to 20 classes. Meant for at most 40 classes.
 */
export function confusionFigure(
  matrix: readonly (readonly number[])[],
  names: readonly string[],
): Markup {
  const classes = names.map(shownName);
  const k = classes.length;
  const cell = Math.max(14, Math.min(40, Math.floor(640 / k)));
  const longest = Math.min(LONGEST, Math.max(...classes.map((name) => Array.from(name).length)));
  const left = Math.max(64, longest * 6.4 + 14);
  const angle = cell < 26 ? -90 : -42; // slanted labels need wide columns
  const top = Math.max(48, longest * (angle === -90 ? 6.6 : 4.6) + 16);
  const reach = angle === -90 ? 8 : longest * 4.8; // of the last column's label
  const width = round(left + k * cell + reach);
  const height = round(top + k * cell + 8);
  const style = `min-width:${Math.min(width, 560)}px;max-width:${Math.round(width * 1.1)}px`;
  const about = 'Confusion matrix, truth by row, answer by column';
  const nudge = angle === -90 ? 4 : 2; // from the column's middle to the label's baseline
  return html`<figure class="confusion">${element(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, style, role: 'img', 'aria-label': about },
    classes.map((name, i) => {
      const middle = (i + 0.5) * cell;
      const column = `translate(${round(left + middle + nudge)} ${round(top - 6)})`;
      const row = { x: round(left - 6), y: round(top + middle + 4), 'text-anchor': 'end' };
      const transform = `${column} rotate(${angle})`;
      return [
        tick(shortened(name, LONGEST), row),
        tick(shortened(name, LONGEST), { transform, 'text-anchor': 'start' }),
      ];
    }),
    matrix.map((row, truth) => matrixRow(row, { truth, classes, cell, left, top })),
  )}</figure>`;
}

interface MatrixPlace {
  readonly truth: number;
  readonly classes: readonly string[];
  readonly cell: number;
  readonly left: number;
  readonly top: number;
}

function matrixRow(row: readonly number[], place: MatrixPlace): Markup[] {
  const { truth, cell, left, top } = place;
  const total = row.reduce((sum, count) => sum + count, 0);
  const size = { y: round(top + truth * cell), width: cell - 1, height: cell - 1 };
  return row.map((count, answer) => {
    const square = { x: round(left + answer * cell), ...size };
    if (count === 0) return element('rect', { class: 'none', ...square });
    return matrixCell(count, square, { ...place, answer, total });
  });
}

function matrixCell(
  count: number,
  square: { readonly x: number; readonly y: number },
  { truth, answer, total, classes, cell }: MatrixPlace & { answer: number; total: number },
): Markup {
  const share = count / total;
  const kind = truth === answer ? 'hit' : 'miss';
  const opacity = round(0.12 + 0.83 * share, 100);
  const middle = { x: round(square.x + cell / 2), y: round(square.y + cell / 2 + 4) };
  const look = { class: share > 0.55 ? 'cell strong' : 'cell', 'text-anchor': 'middle' };
  return element(
    'g',
    {},
    element('title', {}, `${classes[truth]} answered ${classes[answer]}: ${count} of ${total}`),
    element('rect', { class: kind, 'fill-opacity': opacity, ...square }),
    classes.length <= NUMBERED && element('text', { ...look, ...middle }, count),
  );
}

function round(value: number, parts = 10): number {
  return Math.round(value * parts) / parts;
}
