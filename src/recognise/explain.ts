// From a photograph to the picture that shows what the answer rests on.

import { fail } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import type { Photograph } from '../data/image/photograph.ts';
import { readPhotograph, rereadable } from '../data/image/read-photograph.ts';
import { wholeBox } from '../data/image/resize.ts';
import { shownName } from './class-name.ts';
import { type EvidenceInput, explainPicture } from './evidence.ts';
import { comparesPlaces, type FindPhoto, type KnownPhoto, knownPhoto } from './known-photo.ts';
import { type LocatedObject, locateObject } from './locate.ts';
import { decodedPhoto } from './photo-view.ts';
import type { Prediction, PredictOptions, Recogniser } from './recogniser.ts';

export interface Explanation {
  readonly prediction: Prediction;
  /** Where SCDA sees the object, in pixels of the photograph. */
  readonly box: Box;
  /** The nearest training photograph of the answer's class, where one was asked for and found. */
  readonly nearest?: KnownPhoto;
  readonly picture: RawImage;
}

export interface ExplainOptions extends PredictOptions {
  /** The true class, if it is known: the caption says whether the answer is right. */
  readonly truth?: string;
  /** Asked for models that tell which places they compare: the picture then shows what is alike. */
  readonly nearest?: FindPhoto;
}

/** Recognises a photograph and draws its evidence. */
export async function explainPhoto(
  recogniser: Recogniser,
  photo: Photograph,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const { prediction, evidence } = await evidenceFor(recogniser, photo, options);
  const { object, nearest } = evidence;
  return { prediction, box: object.box, nearest, picture: await explainPicture(evidence) };
}

/** Recognises a photograph and finds what its picture shows; class names are as people read them. */
export async function evidenceFor(
  recogniser: Recogniser,
  given: Photograph,
  { truth, nearest: find, ...options }: ExplainOptions = {},
): Promise<{ prediction: Prediction; evidence: EvidenceInput }> {
  mustHaveEvidence(recogniser);
  const photo = await rereadable(given);
  const image = await decodedPhoto(await readPhotograph(photo), { maxPixels: options.maxPixels });
  const prediction = await recogniser.predict(photo, options); // sees what evaluation sees
  const object = await findObject(recogniser, image);
  const [{ name }] = prediction.answers;
  const found = comparesPlaces(recogniser) ? await find?.(prediction, name) : undefined;
  const nearest = found && (await knownPhoto(recogniser, { image, prediction, side: 1 }, found));
  const { crop, mapSize, heat, boxes } = prediction.evidence;
  const answers = prediction.answers.map(({ name, confidence }) => ({
    name: shownName(name),
    confidence,
  }));
  const evidence = {
    image,
    crop,
    object,
    heatMap: heat,
    mapSize,
    boxes,
    answers,
    truth: truth === undefined ? undefined : shownName(truth),
    nearest,
  };
  return { prediction, evidence };
}

/** Throws FM_USAGE for a recogniser that was loaded without what explains its answers. */
function mustHaveEvidence({ session }: Recogniser): void {
  if (session.outputNames.includes('heat')) return;
  throw fail('FM_USAGE', 'recogniser', {
    expected: 'one that was loaded with its evidence',
    got: 'one that was loaded with { evidence: false }',
    next: 'Load it without that option to explain its answers.',
  });
}

/** What SCDA finds: passes of their own, because evaluation cuts the rim. */
export async function findObject(recogniser: Recogniser, image: RawImage): Promise<LocatedObject> {
  const { size } = recogniser.geometry;
  return await locateObject(image, size, async (view) => {
    const { evidence } = await recogniser.predictView(view, wholeBox(image));
    const { h, w } = evidence.mapSize;
    return { width: w, height: h, data: evidence.activation };
  });
}
