// One picture that shows what an answer rests on: the photograph with the network's view, the
// object that SCDA finds, the class-activation heat map, and the best answers as bars; below them what
// looks alike in a training photograph, where that is known.
import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import {
  centred,
  overlayHeatMap,
  overlayMask,
  sideBySide,
  stacked,
  strokeBox,
} from '../data/image/draw.ts';
import type { ImageSize } from '../data/image/preprocess.ts';
import { renderSvg } from '../data/image/render.ts';
import { resizeCrop, wholeBox } from '../data/image/resize.ts';
import { alikeRows } from './alike-picture.ts';
import { captionSvg, headingsSvg, type RankedAnswer, sourceSvg } from './evidence-caption.ts';
import { AGAIN, BOX, legendSvg, VIEW } from './evidence-legend.ts';
import type { KnownPhoto } from './known-photo.ts';
import type { LocatedObject } from './locate.ts';

/** What `explainPicture` shows. Boxes are in pixels of `image`, the upright photograph. */
export interface EvidenceInput {
  readonly image: RawImage;
  /** The part of the photograph that became the network's input. */
  readonly crop: Box;
  /** The object that SCDA finds. */
  readonly object: LocatedObject;
  /** Class activation of the answer, `[h, w]` row-major: gives the heat. */
  readonly heatMap: Float32Array;
  readonly mapSize: { readonly h: number; readonly w: number };
  /** Where the network looked again. */
  readonly boxes?: readonly Box[];
  /** Best first; the first is the answer. Up to five are drawn. */
  readonly answers: readonly RankedAnswer[];
  /** When known: the true class, marked right or wrong. */
  readonly truth?: string;
  /** Instead of the first answer: what to say when the recogniser declines, "none of these". */
  readonly verdict?: string;
  /** The nearest training photograph of the answer's class. */
  readonly nearest?: KnownPhoto;
  /** A small line at the bottom: file name, model, date. */
  readonly source?: string;
}

/** Largest panel, pixels: three of them make a picture 1200 wide. */
const PANEL = { width: 384, height: 440 } as const;
/** Between panels and around the picture, pixels. */
export const MARGIN = 12;
/** Pixels between the white box and the rim of its panel, at least. */
const RIM = 3;
/** Narrowest cell of a panel, so that words have room above and below the thinnest photograph. */
const CELL = 230;

/** Draws the evidence for one answer: 738 to 1200 pixels wide, white ground. */
export async function explainPicture(input: EvidenceInput): Promise<RawImage> {
  const row = evidenceRow(input);
  const legend = { again: (input.boxes ?? []).length > 0, box: true, heat: true };
  const svgs = [
    headingsSvg(evidenceHeadings(input), cellsOf(row)),
    captionSvg(input, row.width),
    legendSvg(legend, row.width),
    ...(input.source === undefined ? [] : [sourceSvg(input.source, row.width)]),
  ];
  const [headings, caption, key, ...source] = await Promise.all(
    svgs.map(({ svg, width, height }) => renderSvg(svg, width, height)),
  );
  const alike = await nearestRows(input, row.width);
  return stacked([headings, row, caption, key, ...alike, ...source], { margin: MARGIN });
}

/** The three panels side by side without any words. */
export function evidenceRow(input: EvidenceInput): RawImage {
  return panelRow(evidencePanels(input));
}

/** The words over the panels. */
export function evidenceHeadings(input: Pick<EvidenceInput, 'boxes'>): string[] {
  return [viewHeading(input), 'Object found (SCDA)', 'What spoke for it'];
}

/** Panels of one size side by side, each in the middle of a cell that words fit over. */
export function panelRow(panels: readonly RawImage[]): RawImage {
  const cells = panels.map((panel) => centred(panel, Math.max(CELL, panel.width)));
  return sideBySide(cells, { gap: MARGIN });
}

/** How the cells of a row of three lie. */
export function cellsOf({ width }: RawImage) {
  return { width, panel: (width - 2 * MARGIN) / 3, gap: MARGIN };
}

async function nearestRows(
  { image, answers, nearest }: EvidenceInput,
  width: number,
): Promise<RawImage[]> {
  if (nearest === undefined) return [];
  const className = answers[0].name;
  return await alikeRows({ image, className, known: nearest }, { width, gap: MARGIN });
}

/** The words over the first panel. */
export function viewHeading({ boxes = [] }: Pick<EvidenceInput, 'boxes'>): string {
  return boxes.length === 0 ? 'Photo and the network’s view' : 'View, and where it looked again';
}

/** The photograph with the network's view in blue and, in pink, where it looked again. */
export function viewPanel(photo: RawImage, view: Box, boxes: readonly Box[] = []): RawImage {
  return boxes.reduce(
    (drawn, box) => strokeBox(drawn, box, { colour: AGAIN, thickness: 3 }),
    strokeBox(photo, view, { colour: VIEW, thickness: 3 }),
  );
}

/** The three panels without any text, of one size: view, object, heat. */
export function evidencePanels(input: EvidenceInput): readonly RawImage[] {
  const { image, heatMap, mapSize } = input;
  const { mask, region, box } = input.object;
  const { photo, scale } = fitPanel(image);
  const crop = scaleBox(input.crop, scale);
  const again = input.boxes?.map((one) => scaleBox(one, scale));
  return [
    viewPanel(photo, crop, again),
    strokeBox(
      overlayMask(photo, mask, scaleBox(region, scale)),
      inside(scaleBox(box, scale), photo),
      {
        colour: BOX,
        thickness: 2,
      },
    ),
    overlayHeatMap(photo, { width: mapSize.w, height: mapSize.h, data: heatMap }, crop),
  ];
}

/** A box kept off the picture's rim, where white would be lost in the page beside it. */
function inside([x, y, width, height]: Box, { width: most, height: tallest }: ImageSize): Box {
  const [left, top] = [Math.max(x, RIM), Math.max(y, RIM)];
  const right = Math.max(left, Math.min(x + width, most - RIM));
  const bottom = Math.max(top, Math.min(y + height, tallest - RIM));
  return [left, top, right - left, bottom - top];
}

/** A photograph at the size of a panel, and by how much it was scaled. */
export function fitPanel(image: RawImage, panel: ImageSize = PANEL) {
  const scale = Math.min(panel.width / image.width, panel.height / image.height);
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  const photo = resizeCrop(image, wholeBox(image), side(image.width), side(image.height));
  return { photo, scale };
}

/** A box in a picture that was scaled. */
export function scaleBox(box: Box, scale: number): Box {
  return [box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale];
}
