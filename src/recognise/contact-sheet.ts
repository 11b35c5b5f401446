// One picture of what a search found: each query at the left of its row, its nearest beside it.

import { basename } from 'node:path';
import type { RawImage } from '../core/raw-image.ts';
import { decodeImage } from '../data/image/decode.ts';
import { plainImage, sideBySide, stacked, strokeBox } from '../data/image/draw.ts';
import { renderSvg } from '../data/image/render.ts';
import { resizeCrop, wholeBox } from '../data/image/resize.ts';
import type { Neighbour } from '../search/vector-store.ts';
import { shownName } from './class-name.ts';
import { tileCaptionSvg } from './evidence-caption.ts';
import { VIEW } from './evidence-legend.ts';

/** A query and what was found, nearest first. */
export interface SheetRow {
  readonly photo: string;
  readonly found: readonly Neighbour[];
}

/** Neighbours of a row; further ones are left out. */
const SHOWN = 6;
/** Largest picture of a tile, pixels. */
const TILE = { width: 180, height: 150 } as const;
const GAP = 12;

/** Draws the rows on white ground, 1356 pixels wide at most. */
export async function contactSheet(rows: readonly SheetRow[]): Promise<RawImage> {
  const drawn: RawImage[] = [];
  for (const { photo, found } of rows) {
    const query = await picture(photo);
    const framed = strokeBox(query, wholeBox(query), { colour: VIEW, thickness: 4 });
    const tiles = [await tile(framed, 'query', basename(photo))];
    for (const { item, similarity } of found.slice(0, SHOWN)) {
      const title = item.label === undefined ? basename(item.path) : shownName(item.label);
      const below = `${similarity.toFixed(3)}  ${item.label === undefined ? '' : basename(item.path)}`;
      tiles.push(await tile(await pictureOrBlank(item.path), title, below));
    }
    drawn.push(sideBySide(tiles, { gap: GAP }));
  }
  return stacked(drawn, { gap: GAP, margin: GAP });
}

/** A picture in the middle of its tile, two lines of text below. */
async function tile(image: RawImage, first: string, second: string): Promise<RawImage> {
  const { svg, width, height } = tileCaptionSvg(first, second, TILE.width);
  const post = plainImage(0, TILE.height, [255, 255, 255]);
  const centred = sideBySide([post, image]);
  const line = plainImage(TILE.width, 0, [255, 255, 255]);
  return stacked([line, centred, await renderSvg(svg, width, height)], { gap: 0 });
}

async function picture(path: string): Promise<RawImage> {
  const image = await decodeImage(path, { minSide: TILE.height });
  const scale = Math.min(TILE.width / image.width, TILE.height / image.height);
  const side = (pixels: number) => Math.max(1, Math.round(pixels * scale));
  return resizeCrop(image, wholeBox(image), side(image.width), side(image.height));
}

/** Photographs may have gone since the index was built. */
async function pictureOrBlank(path: string): Promise<RawImage> {
  return await picture(path).catch(() => plainImage(TILE.width, TILE.height, [232, 235, 240]));
}
