// The words of an evidence picture, as SVG: headings over the panels, answers as bars, the source.
import {
  INK,
  QUIET,
  type SvgStrip,
  svgStrip,
  svgText,
  type TextStyle,
  textWidth,
  wrapText,
} from './text-svg.ts';

/** An answer and its calibrated probability, 0 to 1. */
export interface RankedAnswer {
  readonly name: string;
  readonly confidence: number;
}

export interface CaptionInput {
  readonly answers: readonly RankedAnswer[];
  readonly truth?: string;
  readonly verdict?: string;
}

const TRACK = '#e8ebf0';
const BAR = '#2f6fde';
const REST = '#9db7e8';
const RIGHT = '#13804a';
const WRONG = '#c2331f';
const BARS_SHOWN = 5;
const ROW = 30;
/** Room for `> 99.9 %` behind a bar. */
const PERCENT_ROOM = 76;

/** A heading above each panel of equal width. */
export function headingsSvg(
  headings: readonly string[],
  { width, panel, gap }: { width: number; panel: number; gap: number },
): SvgStrip {
  const texts = headings.map((heading, i) =>
    svgText(heading, {
      x: i * (panel + gap),
      y: 16,
      size: 13,
      fill: QUIET,
      room: panel,
      cut: 'middle',
    }),
  );
  return svgStrip(texts, width, 26);
}

/**
 * The answer in large letters, the truth when it is known, and beside them the best answers as bars.
 * At least 700 pixels wide.
 */
export function captionSvg(input: CaptionInput, width: number): SvgStrip {
  const shown = input.answers.slice(0, BARS_SHOWN);
  const x = Math.round(width * 0.44);
  const bars = shown.flatMap((answer, i) =>
    bar(answer, { first: i === 0, x, y: 22 + i * ROW, width: width - x }),
  );
  const headline = headlineOf(input, x - 28);
  const height = Math.max(headline.height, 22 + shown.length * ROW) + 4;
  return svgStrip([...headline.parts, ...bars], width, height);
}

/** A small quiet line. */
export function sourceSvg(source: string, width: number): SvgStrip {
  const style = { x: 0, y: 16, size: 12, fill: QUIET, room: width };
  return svgStrip([svgText(source, style)], width, 22);
}

/** Two short lines below a picture: the first in ink, the second quiet. */
export function tileCaptionSvg(first: string, second: string, width: number): SvgStrip {
  const lines = [
    svgText(first, { x: 0, y: 16, size: 13, fill: INK, room: width, cut: 'middle' }),
    svgText(second, { x: 0, y: 33, size: 12, fill: QUIET, room: width, cut: 'middle' }),
  ];
  return svgStrip(lines, width, 40);
}

/** Answer and judgement, two lines each at most: names may be long, and must not be cut early. */
function headlineOf(input: CaptionInput, room: number) {
  const title = input.verdict ?? input.answers[0]?.name ?? 'No answer';
  const size = textWidth(title, 30) <= room ? 28 : 22;
  const judged = judgement(input);
  const top = block(title, { x: 0, y: 46, size, fill: INK, room, bold: true });
  const below = block(judged.words, { x: 0, y: top.y + 28, size: 16, fill: judged.fill, room });
  return { parts: [...top.parts, ...below.parts], height: below.y + 8 };
}

/** Lines of text from `y` on, and where the last one stands. */
function block(words: string, style: TextStyle): { parts: string[]; y: number } {
  const lines = wrapText(words, style, 2);
  const at = (i: number) => style.y + i * Math.round(style.size * 1.25);
  const parts = lines.map((line, i) => svgText(line, { ...style, y: at(i), cut: 'middle' }));
  return { parts, y: at(lines.length - 1) };
}

/** How sure the answer is, and whether it is right where that is known. */
function judgement({ answers, truth, verdict }: CaptionInput): { words: string; fill: string } {
  const best = answers[0];
  const sure = best === undefined ? '' : `${percent(best.confidence)} confident`;
  if (verdict !== undefined && best) {
    return { words: `closest: ${best.name}, ${sure}`, fill: QUIET };
  }
  if (truth === undefined || verdict !== undefined) return { words: sure, fill: QUIET };
  return best?.name === truth
    ? { words: `${sure}, and right`, fill: RIGHT }
    : { words: `${sure}, but wrong: it is ${truth}`, fill: WRONG };
}

interface BarPlace {
  readonly first: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Name, bar and percentage in one row. */
function bar({ name, confidence }: RankedAnswer, { first, x, y, width }: BarPlace): string[] {
  const nameRoom = Math.round(width * 0.46);
  const track = width - nameRoom - 12 - PERCENT_ROOM;
  const length = Math.round(track * Math.min(1, Math.max(0, confidence)) * 10) / 10;
  const from = x + nameRoom + 12;
  const fill = first ? INK : QUIET;
  const line = { y: y + 17, size: 15, fill };
  return [
    svgText(name, { ...line, x, room: nameRoom, bold: first, cut: 'middle' }),
    barRect({ x: from, y: y + 5, width: track }, TRACK),
    barRect({ x: from, y: y + 5, width: Math.max(length, 2) }, first ? BAR : REST),
    svgText(percent(confidence), { ...line, x: x + width, room: PERCENT_ROOM, end: true }),
  ];
}

function barRect({ x, y, width }: { x: number; y: number; width: number }, fill: string): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="14" rx="3" fill="${fill}"/>`;
}

/** `97 %`, with a decimal below ten, and never a certainty that the numbers do not have. */
export function percent(value: number): string {
  const hundredths = value * 100;
  if (hundredths > 99.9) return '> 99.9 %';
  if (hundredths < 0.1) return '< 0.1 %';
  const fine = hundredths >= 99 || hundredths < 10;
  return `${hundredths.toFixed(fine ? 1 : 0)} %`;
}
