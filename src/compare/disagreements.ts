// Images that some contestants answer rightly and others do not, with the evidence of each.

import { encodeJpeg } from '../data/image/decode.ts';
import { boxWithin } from '../data/image/preprocess.ts';
import type { GalleryItem } from '../evaluate/report-tables.ts';
import { explainPhoto } from '../recognise/explain.ts';
import { loadRecogniser } from '../recognise/recogniser.ts';
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
        const truth = answered.classes[answered.truths[image]];
        const photo = answered.paths[image];
        const within = boxWithin(recogniser.geometry, answered.boxes[image]);
        const { prediction, picture } = await explainPhoto(recogniser, photo, { truth, within });
        const [{ name, confidence }] = prediction.answers;
        drawn.set(`${contestant} ${image}`, {
          id: answered.ids[image],
          truth,
          answer: name,
          confidence,
          by: answered.contestants[contestant].label,
          image: await encodeJpeg(picture, 82),
        });
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
