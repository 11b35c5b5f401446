// The rows of a picture that show which places of a training photograph look like those of the
// explained one: both photographs, each pair of places in a colour of its own, and what it counts.

import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { centred, sideBySide, strokeBox } from '../data/image/draw.ts';
import type { Colour } from '../data/image/heat-map.ts';
import { renderSvg } from '../data/image/render.ts';
import { resizeCrop, wholeBox } from '../data/image/resize.ts';
import { percent } from './evidence-caption.ts';
import type { KnownPhoto, PlacePair } from './known-photo.ts';
import { INK, QUIET, type SvgStrip, svgStrip, svgText } from './text-svg.ts';

/** The explained photograph, and one of the training photographs of a class. */
export interface AlikeInput {
  readonly image: RawImage;
  readonly className: string;
  readonly known: KnownPhoto;
}

/** Okabe and Ito's colours, told apart by all kinds of eyes; strongest pair first. */
const COLOURS: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [240, 228, 66],
  [204, 121, 167],
  [0, 158, 115],
];
/** Tallest photograph, pixels. */
const TALLEST = 340;
/** Narrowest cell of a photograph: its heading stands over it. */
const NARROWEST = 260;

/** Words over a training photograph. */
export function nearestHeading(className: string, { similarity }: KnownPhoto): string {
  return `Nearest ${className} in training, cosine ${similarity.toFixed(2)}`;
}

/** Headings, the two photographs at one height, and the key; at most `width` pixels wide. */
export async function alikeRows(
  { image, className, known }: AlikeInput,
  { width, gap }: { readonly width: number; readonly gap: number },
): Promise<RawImage[]> {
  const pairs = known.pairs ?? [];
  const height = heightOf([image, known.image], width - gap);
  const photos = [
    marked(
      image,
      pairs.map(({ query }) => query),
      height,
    ),
    marked(
      known.image,
      pairs.map(({ example }) => example),
      height,
    ),
  ];
  const cells = photos.map((photo) => centred(photo, Math.max(NARROWEST, photo.width)));
  const words = ['Places that look alike', nearestHeading(className, known)];
  const strips = [
    headingsAt(words, [0, cells[0].width + gap], width),
    keyOf(pairs, className, width),
  ];
  const [headings, key] = await Promise.all(strips.map((s) => renderSvg(s.svg, s.width, s.height)));
  return [headings, sideBySide(cells, { gap }), key];
}

/** The height at which both photographs, in cells that words fit over, are `room` pixels wide at most. */
function heightOf(images: readonly RawImage[], room: number): number {
  const [narrow, wide] = images.map((one) => one.width / one.height).sort((a, b) => a - b);
  const side = Math.min(TALLEST, room / (narrow + wide));
  const beside = narrow * side < NARROWEST ? (room - NARROWEST) / wide : side;
  return Math.max(1, Math.min(side, beside));
}

/** A photograph at that height with its boxes, the strongest on top. */
function marked(image: RawImage, boxes: readonly Box[], height: number): RawImage {
  const scale = height / image.height;
  const side = (length: number) => Math.max(1, Math.floor(length * scale));
  const photo = resizeCrop(image, wholeBox(image), side(image.width), side(image.height));
  return boxes.reduceRight((drawn, box, i) => {
    const scaled = box.map((v) => v * scale) as unknown as Box;
    return strokeBox(drawn, scaled, { colour: COLOURS[i], thickness: 3 });
  }, photo);
}

function headingsAt(words: readonly string[], starts: readonly number[], width: number): SvgStrip {
  const texts = words.map((heading, i) => {
    const [x, end] = [starts[i], starts[i + 1] ?? width];
    return svgText(heading, { x, y: 16, size: 13, fill: QUIET, room: end - x, cut: 'middle' });
  });
  return svgStrip(texts, width, 26);
}

/** The share of each pair beside its colour, and of what it is a share. */
function keyOf(pairs: readonly PlacePair[], className: string, width: number): SvgStrip {
  const shares = pairs.flatMap(({ share }, i) => {
    const x = i * 92;
    return [
      `<rect x="${x}" y="10" width="18" height="14" rx="3" fill="rgb(${COLOURS[i].join()})"/>`,
      svgText(percent(share), { x: x + 26, y: 22, size: 14, fill: INK, room: 60 }),
    ];
  });
  const words =
    pairs.length === 0
      ? `No place speaks for ${className}.`
      : `Each pair’s share of the likeness of all places, weighted by what speaks for ${className}`;
  const quiet = { size: 13, fill: QUIET };
  const below = svgText(words, { x: 0, y: pairs.length === 0 ? 22 : 44, room: width, ...quiet });
  return svgStrip([...shares, below], width, 58);
}
