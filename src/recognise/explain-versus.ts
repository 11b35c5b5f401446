// From a photograph and the name of a rival to the picture of what separates the answer from it.

import { fail } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { nameOf, type Photograph } from '../data/image/photograph.ts';
import { readPhotograph, rereadable } from '../data/image/read-photograph.ts';
import { labelNamed, shownName } from './class-name.ts';
import { findObject } from './explain.ts';
import { type FindPhoto, type KnownPhoto, knownPhoto } from './known-photo.ts';
import { decodedPhoto } from './photo-view.ts';
import type { Answer, Prediction, Recogniser } from './recogniser.ts';
import { versusPicture } from './versus-picture.ts';

export interface VersusExplanation {
  readonly prediction: Prediction;
  readonly answer: Answer;
  readonly rival: Answer;
  /** The nearest training photograph of each, where it was asked for and found. */
  readonly nearest: { readonly answer?: KnownPhoto; readonly rival?: KnownPhoto };
  readonly picture: RawImage;
}

export interface VersusOptions {
  /** Name of the class that the answer is held against. */
  readonly rival: string;
  readonly nearest?: FindPhoto;
  /** The object's box in pixels of the photograph, for models that were trained within boxes. */
  readonly within?: Box;
  /** Photographs with more pixels are refused. Default: 256 million. */
  readonly maxPixels?: number;
}

/**
 * Recognises a photograph and draws what speaks for the answer and what for the rival. The
 * recogniser must be loaded with `{ contrast: true }`. Throws FM_USAGE where there is no class of the
 * rival's name, and where the rival is the answer.
 */
export async function explainVersus(
  recogniser: Recogniser,
  given: Photograph,
  { rival: name, nearest: find, ...seen }: VersusOptions,
): Promise<VersusExplanation> {
  const { classes } = recogniser.manifest;
  const versus = labelNamed(classes, name, '--versus');
  const photo = await rereadable(given);
  const image = await decodedPhoto(await readPhotograph(photo), { maxPixels: seen.maxPixels });
  const prediction = await recogniser.predict(photo, { topK: classes.length, versus, ...seen });
  const [answer, second] = prediction.answers;
  const rival = prediction.answers.find(({ label }) => label === versus)!;
  if (rival.label === answer.label) {
    throw fail('FM_USAGE', nameOf(given), {
      expected: 'a rival other than the answer',
      got: `'${rival.name}', which is the answer`,
      next: second ? `The closest other class is '${second.name}'.` : 'There is no other class.',
    });
  }
  const known = async ({ name }: Answer, side: 1 | -1) => {
    const found = await find?.(prediction, name);
    return found && (await knownPhoto(recogniser, { image, prediction, side }, found));
  };
  const nearest = { answer: await known(answer, 1), rival: await known(rival, -1) };
  const { crop, mapSize, heat, boxes } = prediction.evidence;
  const picture = await versusPicture({
    image,
    crop,
    object: await findObject(recogniser, image),
    boxes,
    difference: heat,
    mapSize,
    answer: { ...answer, name: shownName(answer.name) },
    rival: { ...rival, name: shownName(rival.name) },
    nearest,
  });
  return { prediction, answer, rival, nearest, picture };
}
