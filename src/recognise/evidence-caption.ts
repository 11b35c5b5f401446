// The words of an evidence picture, as SVG: headings over the panels, answers as bars, the source.
import { colourOf } from '../data/image/heat-map.ts';

/** An answer and its calibrated probability, 0 to 1. */
export interface RankedAnswer {
  readonly name: string;
  readonly confidence: number;
}

/** An SVG document and the size it is meant to be drawn at. */
export interface SvgStrip {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

export interface CaptionInput {
  readonly answers: readonly RankedAnswer[];
  readonly truth?: string;
  readonly verdict?: string;
}

/** Colours of text: what matters, and what does not. */
export const INK = '#16181d';
export const QUIET = '#646b78';
const TRACK = '#e8ebf0';
const BAR = '#2f6fde';
const REST = '#9db7e8';
const RIGHT = '#13804a';
const WRONG = '#c2331f';
const FONT = `font-family="Inter, 'Liberation Sans', 'DejaVu Sans', Helvetica, Arial, sans-serif"`;
/** The look of the object's outline in the panels. */
const OUTLINE = 'fill="none" stroke="#ffc400" stroke-width="2"';
const BARS_SHOWN = 5;
const ROW = 30;

/** Text for element content and attributes. Control characters, which XML forbids, become spaces. */
export function escapeXml(text: string): string {
  const names: Record<string, string> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    "'": '#39',
  };
  return Array.from(text, (c) => (c < ' ' || c === '\u007f' ? ' ' : c))
    .join('')
    .replace(/[&<>"']/g, (c) => `&${names[c]};`);
}

/** A heading above each panel of equal width. */
export function headingsSvg(
  headings: readonly string[],
  { width, panel, gap }: { width: number; panel: number; gap: number },
): SvgStrip {
  const texts = headings.map((heading, i) =>
    svgText(heading, { x: i * (panel + gap), y: 16, size: 13, fill: QUIET, room: panel }),
  );
  return svgStrip(texts, width, 26);
}

/** The answer in large letters, the truth when it is known, and the best answers as bars. */
export function captionSvg(input: CaptionInput, width: number): SvgStrip {
  const shown = input.answers.slice(0, BARS_SHOWN);
  const wide = width >= 700;
  const barsAt = wide ? { x: Math.round(width * 0.44), y: 22 } : { x: 0, y: 96 };
  const bars = shown.flatMap((answer, i) =>
    bar(answer, { first: i === 0, x: barsAt.x, y: barsAt.y + i * ROW, width: width - barsAt.x }),
  );
  const headline = answerLines(input, wide ? barsAt.x - 28 : width);
  if (wide) headline.push(...legend(barsAt.y + Math.max(3, shown.length) * ROW - 13));
  const height = Math.max(wide ? 112 : 0, barsAt.y + shown.length * ROW + 4);
  return svgStrip([...headline, ...bars], width, height);
}

/** A small quiet line. */
export function sourceSvg(source: string, width: number): SvgStrip {
  return svgStrip(
    [svgText(source, { x: 0, y: 16, size: 12, fill: QUIET, room: width })],
    width,
    22,
  );
}

/** Two short lines below a picture: the first in ink, the second quiet. */
export function tileCaptionSvg(first: string, second: string, width: number): SvgStrip {
  const lines = [
    svgText(first, { x: 0, y: 16, size: 13, fill: INK, room: width }),
    svgText(second, { x: 0, y: 33, size: 12, fill: QUIET, room: width }),
  ];
  return svgStrip(lines, width, 40);
}

/** What the colours of the panels mean, on one line with its text at height y. */
function legend(y: number): string[] {
  const stops = Array.from({ length: 6 }, (_, i) => {
    const [r, g, b] = colourOf(0.15 + 0.85 * (i / 5));
    return `<stop offset="${i * 20}%" stop-color="rgb(${r},${g},${b})"/>`;
  });
  const quiet = { y, size: 12, fill: QUIET, room: 120 };
  return [
    `<defs><linearGradient id="heat">${stops.join('')}</linearGradient></defs>`,
    `<rect x="1" y="${y - 10}" width="14" height="10" ${OUTLINE}/>`,
    svgText('object', { ...quiet, x: 22 }),
    svgText('weak', { ...quiet, x: 84 }),
    `<rect x="116" y="${y - 10}" width="90" height="11" rx="2" fill="url(#heat)"/>`,
    svgText('strong evidence', { ...quiet, x: 212 }),
  ];
}

function answerLines({ answers, truth, verdict }: CaptionInput, room: number): string[] {
  const best = answers[0];
  const title = verdict ?? best?.name ?? 'No answer';
  const size = textWidth(title, 28) <= room ? 28 : 22;
  const lines = [svgText(title, { x: 0, y: 46, size, fill: INK, room, bold: true })];
  const sure = best === undefined ? '' : `${percent(best.confidence)} confident`;
  if (truth === undefined || verdict !== undefined) {
    const about = verdict === undefined || !best ? sure : `closest: ${best.name}, ${sure}`;
    return [...lines, svgText(about, { x: 0, y: 74, size: 16, fill: QUIET, room })];
  }
  const right = best?.name === truth;
  const judged = right ? `${sure}, and right` : `${sure}, but wrong: it is ${truth}`;
  const fill = right ? RIGHT : WRONG;
  return [...lines, svgText(judged, { x: 0, y: 74, size: 16, fill, room })];
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
  const track = width - nameRoom - 12 - 64;
  const length = Math.round(track * Math.min(1, Math.max(0, confidence)) * 10) / 10;
  const from = x + nameRoom + 12;
  const fill = first ? INK : QUIET;
  const share = { x: x + width, y: y + 17, size: 15, fill, room: 64, end: true };
  return [
    svgText(name, { x, y: y + 17, size: 15, fill, room: nameRoom, bold: first }),
    barRect({ x: from, y: y + 5, width: track }, TRACK),
    barRect({ x: from, y: y + 5, width: Math.max(length, 2) }, first ? BAR : REST),
    svgText(percent(confidence), share),
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

/** Where and how a line of text stands. */
export interface TextStyle {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly fill: string;
  /** Pixels the text may take; longer text ends in an ellipsis. */
  readonly room: number;
  readonly bold?: boolean;
  readonly end?: boolean;
}

/** One line of text; what does not fit into `room` is cut. */
export function svgText(content: string, { x, y, size, fill, room, bold, end }: TextStyle): string {
  const fitted = escapeXml(fitText(content, size * (bold ? 1.07 : 1), room));
  const weight = bold ? ' font-weight="700"' : '';
  const anchor = end ? ' text-anchor="end"' : '';
  const look = `${FONT} font-size="${size}"${weight}${anchor} fill="${fill}"`;
  return `<text x="${x}" y="${y}" ${look}>${fitted}</text>`;
}

/** Cuts text that would not fit, by an estimate of its width. */
function fitText(content: string, size: number, room: number): string {
  if (textWidth(content, size) <= room) return content;
  const characters = Array.from(content);
  while (characters.length > 1 && textWidth(`${characters.join('')}…`, size) > room) {
    characters.pop();
  }
  return `${characters.join('').trimEnd()}…`;
}

/** Width in pixels of text in Helvetica-like fonts, within about 5 %; wide scripts count double. */
function textWidth(content: string, size: number): number {
  let ems = 0;
  for (const c of content) {
    if (c > '\u2e7f') ems += 1;
    else if ("iljtfr.,:;|!'()[] I".includes(c)) ems += 0.3;
    else if ('mwMW@%'.includes(c)) ems += 0.87;
    else ems += c >= 'A' && c <= 'Z' ? 0.69 : 0.555;
  }
  return ems * size;
}

/** A white strip with these elements on it. */
export function svgStrip(parts: readonly string[], width: number, height: number): SvgStrip {
  const size = `width="${width}" height="${height}"`;
  const open = `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${width} ${height}">`;
  const svg = `${open}<rect ${size} fill="#ffffff"/>${parts.join('')}</svg>`;
  return { svg, width, height };
}
