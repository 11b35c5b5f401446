// One picture of what separates an answer from a rival: view, object and the two sides of the heat,
// over the nearest training photograph of each, with what looks alike where that is known.

import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import {
  AGAINST,
  centred,
  FOR,
  overlayDifference,
  overlayMask,
  sideBySide,
  stacked,
} from '../data/image/draw.ts';
import type { Colour } from '../data/image/heat-map.ts';
import type { ImageSize } from '../data/image/preprocess.ts';
import { renderSvg } from '../data/image/render.ts';
import { type AlikeInput, alikeRows, nearestHeading } from './alike-picture.ts';
import {
  cellsOf,
  fitPanel,
  MARGIN,
  panelRow,
  scaleBox,
  viewHeading,
  viewPanel,
} from './evidence.ts';
import { headingsSvg, percent, type RankedAnswer } from './evidence-caption.ts';
import { legendSvg } from './evidence-legend.ts';
import type { KnownPhoto } from './known-photo.ts';
import type { LocatedObject } from './locate.ts';
import { INK, QUIET, type SvgStrip, svgStrip, svgText, wrapText } from './text-svg.ts';

/** What `versusPicture` shows. Boxes are in pixels of `image`, the upright photograph. */
export interface VersusInput {
  readonly image: RawImage;
  readonly crop: Box;
  /** The object that SCDA finds. */
  readonly object: LocatedObject;
  readonly boxes: readonly Box[];
  /** What speaks for the answer, above zero, or for the rival, below; `[h, w]` row-major. */
  readonly difference: Float32Array;
  readonly mapSize: { readonly h: number; readonly w: number };
  readonly answer: RankedAnswer;
  readonly rival: RankedAnswer;
  /** The nearest training photograph of each; absent where they are not known. */
  readonly nearest?: { readonly answer?: KnownPhoto; readonly rival?: KnownPhoto };
}

/** Draws it: 738 to 1200 pixels wide, white ground. */
export async function versusPicture(input: VersusInput): Promise<RawImage> {
  const { image, object, mapSize, answer, rival } = input;
  const { photo, scale } = fitPanel(image);
  const crop = scaleBox(input.crop, scale);
  const map = { width: mapSize.w, height: mapSize.h, data: input.difference };
  const panels = [
    viewPanel(
      photo,
      crop,
      input.boxes.map((box) => scaleBox(box, scale)),
    ),
    overlayMask(photo, object.mask, scaleBox(object.region, scale)),
    overlayDifference(photo, map, crop),
  ];
  const row = panelRow(panels);
  const cells = cellsOf(row);
  const legend = { again: input.boxes.length > 0, box: false, heat: false };
  const headings = [viewHeading(input), 'Object found (SCDA)', 'What separates the two'];
  return stacked(
    [
      await drawn(headingsSvg(headings, cells)),
      row,
      await drawn(captionOf(answer, rival, row.width)),
      await drawn(legendSvg(legend, row.width)),
      ...(await nearestRows(input, { width: cells.panel, height: photo.height }, row.width)),
    ],
    { margin: MARGIN },
  );
}

function drawn({ svg, width, height }: SvgStrip): Promise<RawImage> {
  return renderSvg(svg, width, height);
}

/** `Laysan Albatross, not Sooty Albatross`, how sure, and whose colour is which. */
function captionOf(answer: RankedAnswer, rival: RankedAnswer, width: number): SvgStrip {
  const style = { x: 0, size: 24, fill: INK, room: width, bold: true };
  const lines = wrapText(`${answer.name}, not ${rival.name}`, style, 2);
  const title = lines.map((line, i) => svgText(line, { ...style, y: 40 + 30 * i, cut: 'middle' }));
  const y = 40 + 30 * (lines.length - 1);
  const sure = `${percent(answer.confidence)} against ${percent(rival.confidence)} confident`;
  const half = Math.floor(width / 2);
  return svgStrip(
    [
      ...title,
      svgText(sure, { x: 0, y: y + 26, size: 16, fill: QUIET, room: width }),
      ...keyOf(FOR, `speaks for ${answer.name}`, { x: 0, y: y + 52, room: half - 34 }),
      ...keyOf(AGAINST, `speaks for ${rival.name}`, { x: half, y: y + 52, room: half - 34 }),
    ],
    width,
    y + 62,
  );
}

interface KeyPlace {
  readonly x: number;
  /** Of the line of text. */
  readonly y: number;
  readonly room: number;
}

function keyOf(colour: Colour, words: string, { x, y, room }: KeyPlace): string[] {
  return [
    `<rect x="${x}" y="${y - 12}" width="18" height="14" rx="3" fill="rgb(${colour.join()})"/>`,
    svgText(words, { x: x + 26, y, size: 14, fill: INK, room, cut: 'middle' }),
  ];
}

/** With pairs a row for each known photograph, without them one row for both. */
async function nearestRows(
  { image, answer, rival, nearest }: VersusInput,
  cell: ImageSize,
  width: number,
): Promise<RawImage[]> {
  const all = [
    { className: answer.name, known: nearest?.answer },
    { className: rival.name, known: nearest?.rival },
  ].flatMap(({ className, known }) => (known === undefined ? [] : [{ className, known, image }]));
  if (all.every(({ known }) => known.pairs === undefined)) return await plainRow(all, cell);
  const rows = await Promise.all(all.map((one) => alikeRows(one, { width, gap: MARGIN })));
  return rows.flat();
}

/** Photographs side by side, with what they are above them. */
async function plainRow(known: readonly AlikeInput[], cell: ImageSize): Promise<RawImage[]> {
  if (known.length === 0) return [];
  const cells = known.map((one) => centred(fitPanel(one.known.image, cell).photo, cell.width));
  const words = known.map((one) => nearestHeading(one.className, one.known));
  const row = sideBySide(cells, { gap: MARGIN });
  const inner = { width: row.width, panel: cell.width, gap: MARGIN };
  return [await drawn(headingsSvg(words, inner)), row];
}
