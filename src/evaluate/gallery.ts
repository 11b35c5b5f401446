// Cards of photographs with the evidence of their answers. The words are the page's own, so that they
// can be read at any size of the picture.

import type { Box } from '../core/example.ts';
import { encodeJpeg } from '../data/image/decode.ts';
import { boxWithin } from '../data/image/preprocess.ts';
import { shownName } from '../recognise/class-name.ts';
import { cutInWords } from '../recognise/cut-object.ts';
import { evidenceHeadings, evidenceRow } from '../recognise/evidence.ts';
import { percent, type RankedAnswer } from '../recognise/evidence-caption.ts';
import { legendItems } from '../recognise/evidence-legend.ts';
import { evidenceFor } from '../recognise/explain.ts';
import type { Recogniser } from '../recognise/recogniser.ts';
import { type Content, element, html, Markup } from './markup.ts';

/** One photograph, its answers, and what they rest on. */
export interface GalleryItem {
  readonly id: string;
  readonly truth: string;
  /** Best first, with calibrated probabilities; at least one. */
  readonly answers: readonly RankedAnswer[];
  /** Whose answer it is, where several recognisers are shown. */
  readonly by?: string;
  /** A `data:image/...` address, or the bytes of a JPEG file: panels side by side. */
  readonly image: string | Uint8Array;
  /** The words over the panels. */
  readonly headings: readonly string[];
  /** The method looked again somewhere. */
  readonly again: boolean;
  /** How much of the object the centre crop has cut off, and what to do about it; absent where it has not. */
  readonly cut?: string;
}

/** A photograph to be shown. */
export interface GalleryPhoto {
  readonly id: string;
  readonly path: string;
  readonly truth: string;
  readonly box?: Box;
}

/** Answers shown of each photograph. */
const ANSWERS = 3;

/** Recognises a photograph and draws its evidence. */
export async function galleryItem(
  recogniser: Recogniser,
  { id, path, truth, box }: GalleryPhoto,
  by?: string,
): Promise<GalleryItem> {
  const within = boxWithin(recogniser.geometry, box);
  const { prediction, evidence } = await evidenceFor(recogniser, path, { within });
  const answers = prediction.answers
    .slice(0, ANSWERS)
    .map(({ name, confidence }) => ({ name, confidence }));
  const image = await encodeJpeg(evidenceRow(evidence), 82);
  const { boxes, crop } = prediction.evidence;
  const again = boxes.length > 0;
  const object = box ?? evidence.object.box;
  const cut = within ? undefined : cutInWords(object, crop, recogniser.geometry.mode);
  return { id, truth, answers, by, image, headings: evidenceHeadings(evidence), again, cut };
}

/** What the frames and colours mean, and what a click does; once for all cards of a section. */
export function galleryKey(cards: readonly GalleryItem[]): Markup {
  const again = cards.some((card) => card.again);
  const items = legendItems({ again, box: true, heat: true }).map(({ mark, width, words }) => {
    const svg = { viewBox: `0 0 ${width} 12`, style: `width:${width}px`, 'aria-hidden': 'true' };
    return html`<span>${element('svg', svg, new Markup(mark))}${words}</span>`;
  });
  return html`<div class="key">${items}</div>
<p class="quiet">A click on a picture shows it over the whole width.</p>`;
}

/** Cards in a grid; a click on one shows it over the whole width. */
export function galleryGrid(items: readonly GalleryItem[]): Markup {
  return html`<div class="gallery">${items.map(galleryCard)}</div>`;
}

/** Whether the photograph was answered rightly. */
export function isRight({ truth, answers }: GalleryItem): boolean {
  return answers[0].name === truth;
}

function galleryCard(item: GalleryItem): Markup {
  const { id, truth, answers, by, headings } = item;
  const [answer, right] = [shownName(answers[0].name), isRight(item)];
  const caption: Content[] = [
    by !== undefined && html`${by}: `,
    html`<b class="${right ? 'right' : 'wrong'}">${answer}</b>`,
    !right && html`, in truth <b>${shownName(truth)}</b>`,
    html`<div class="answers">${answers.map(answerRow)}</div>`,
    item.cut !== undefined && html`<p>${item.cut}.</p>`,
    html`<small class="quiet">${id}</small>`,
  ];
  return html`<label class="card"><input type="checkbox" aria-label="Enlarge ${id}">
<figure><div class="panels">${headings.map((words) => html`<span>${words}</span>`)}</div>
${pictureOf(item)}<figcaption>${caption}</figcaption></figure></label>`;
}

function answerRow({ name, confidence }: RankedAnswer): Markup {
  const share = Math.min(1, Math.max(0, confidence));
  const bar = html`<span class="meter"><span style="width:${(share * 100).toFixed(1)}%"></span></span>`;
  return html`<span>${shownName(name)}</span>${bar}<span class="num">${percent(confidence)}</span>`;
}

function pictureOf({ id, truth, answers, image }: GalleryItem): Markup {
  const src = imageAddress(image);
  if (src === undefined) return html`<div class="missing">no picture</div>`;
  const alt = `${id}: answered ${shownName(answers[0].name)}, truth ${shownName(truth)}`;
  return html`<img loading="lazy" alt="${alt}" src="${src}">`;
}

/** Only images held in the page itself: a report fetches nothing. */
function imageAddress(image: string | Uint8Array): string | undefined {
  if (typeof image !== 'string') {
    return `data:image/jpeg;base64,${Buffer.from(image).toString('base64')}`;
  }
  return /^data:image\/(png|jpeg|webp|avif|gif)[;,]/.test(image) ? image : undefined;
}
