// What the frames and colours of evidence mean: the same list for pictures and for pages.

import { ACCENT } from '../data/image/draw.ts';
import { type Colour, colourOf } from '../data/image/heat-map.ts';
import { QUIET, type SvgStrip, svgStrip, svgText, textWidth } from './text-svg.ts';

/** The network's view: a blue that white page, sky and foliage all leave visible. */
export const VIEW: Colour = [47, 126, 240];
/** Where it looked again: a pink that no bird has. */
export const AGAIN: Colour = [236, 64, 155];
/** The box around the object, over what is darkened. */
export const BOX: Colour = [255, 255, 255];

/** A mark, `width` x 12 as SVG elements, and what it stands for. */
export interface LegendItem {
  readonly mark: string;
  readonly width: number;
  readonly words: string;
}

export interface LegendOptions {
  /** The method looked again somewhere. */
  readonly again: boolean;
  /** The object has a box around it. */
  readonly box: boolean;
  /** The last panel has the heat of one answer. */
  readonly heat: boolean;
}

/** In the order in which the panels show them. */
export function legendItems({ again, box, heat }: LegendOptions): LegendItem[] {
  return [
    { ...frame(VIEW), words: 'what the network saw' },
    ...(again ? [{ ...frame(AGAIN), words: 'where it looked again' }] : []),
    { ...frame(ACCENT, true), words: 'object found' },
    ...(box ? [{ ...frame(BOX, true), words: 'box around it' }] : []),
    ...(heat ? [{ ...heatScale(), words: 'weak to strong evidence' }] : []),
  ];
}

/** The legend in as many lines as it takes; at least 320 pixels wide. */
export function legendSvg(options: LegendOptions, width: number): SvgStrip {
  const parts: string[] = [];
  let [x, y] = [0, 6];
  for (const { mark, width: markWidth, words } of legendItems(options)) {
    const wide = markWidth + 7 + textWidth(words, SIZE);
    if (x > 0 && x + wide > width) [x, y] = [0, y + LINE];
    parts.push(`<g transform="translate(${Math.round(x)} ${y})">${mark}</g>`);
    const at = { x: Math.round(x) + markWidth + 7, y: y + 10 };
    parts.push(svgText(words, { ...at, size: SIZE, fill: QUIET, room: width }));
    x += wide + GAP;
  }
  return svgStrip(parts, width, y + LINE + 6);
}

const SIZE = 12;
const LINE = 20;
const GAP = 20;

/** A small frame; one around the object stands on darkened ground, as in the picture. */
function frame(colour: Colour, dark = false): Pick<LegendItem, 'mark' | 'width'> {
  const ground = dark ? '<rect width="20" height="12" fill="#3a3f47"/>' : '';
  const [x, side] = dark ? [3, 14] : [1, 18];
  const size = `x="${x}" y="${x}" width="${side}" height="${12 - 2 * x}"`;
  const stroke = `stroke="rgb(${colour.join()})" stroke-width="2"`;
  return { mark: `${ground}<rect ${size} fill="none" ${stroke}/>`, width: 20 };
}

/** Narrow stripes: a gradient would need a name, which a page may have once only. */
function heatScale(): Pick<LegendItem, 'mark' | 'width'> {
  const stripes = Array.from({ length: 30 }, (_, i) => {
    const colour = colourOf(0.15 + 0.85 * (i / 29)).join();
    return `<rect x="${3 * i}" width="3" height="12" fill="rgb(${colour})"/>`;
  });
  return { mark: stripes.join(''), width: 90 };
}
