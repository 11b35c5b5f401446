// Images that some contestants answer rightly and others do not, with the evidence of each.

import { type GalleryItem, galleryItem } from '../evaluate/gallery.ts';
import { loadRecogniser } from '../recognise/load-recogniser.ts';
import type { Answered } from './result.ts';

/** One image with what each contestant answered in its first repetition. */
export interface Disagreement {
  readonly id: string;
  readonly truth: string;
  readonly items: readonly GalleryItem[];
}

/**
 * Indices of at most `most` images on which the contestants disagree: the most evenly split first,
 * each of another class while there are classes left.
 */
export function chooseDisagreements(answered: Answered, most: number): number[] {
  const { truths, contestants } = answered;
  const split = truths.flatMap((truth, image) => {
    const right = contestants.filter(
      ({ repetitions }) => repetitions[0].answers[image] === truth,
    ).length;
    const even = Math.min(right, contestants.length - right);
    return even === 0 ? [] : [{ image, truth, even }];
  });
  split.sort((a, b) => b.even - a.even || a.image - b.image);
  const chosen: number[] = [];
  const seen = new Set<number>();
  for (const { image, truth } of split) {
    if (seen.has(truth)) continue;
    seen.add(truth);
    chosen.push(image);
  }
  const others = split.map(({ image }) => image).filter((image) => !chosen.includes(image));
  return [...chosen, ...others].slice(0, most);
}

/** Draws the evidence of every contestant for these images. */
export async function explainDisagreements(
  answered: Answered,
  images: readonly number[],
  /** The run that answered an image: contestant and image by index. */
  folderOf: (contestant: number, image: number) => string,
): Promise<Disagreement[]> {
  const drawn = new Map<string, GalleryItem>();
  const wanted = answered.contestants.flatMap((_, contestant) =>
    images.map((image) => ({ contestant, image, folder: folderOf(contestant, image) })),
  );
  for (const folder of new Set(wanted.map((one) => one.folder))) {
    const recogniser = await loadRecogniser(folder);
    try {
      for (const { contestant, image } of wanted.filter((one) => one.folder === folder)) {
        const photo = {
          id: answered.ids[image],
          path: answered.paths[image],
          truth: answered.classes[answered.truths[image]],
          box: answered.boxes[image],
        };
        const by = answered.contestants[contestant].label;
        drawn.set(`${contestant} ${image}`, await galleryItem(recogniser, photo, by));
      }
    } finally {
      await recogniser.close();
    }
  }
  return images.map((image) => ({
    id: answered.ids[image],
    truth: answered.classes[answered.truths[image]],
    items: answered.contestants.map((_, contestant) => drawn.get(`${contestant} ${image}`)!),
  }));
}
