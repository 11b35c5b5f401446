// From a photograph to the picture that shows what the answer rests on.

import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { decodeImage } from '../data/image/decode.ts';
import { wholeBox } from '../data/image/resize.ts';
import { explainPicture } from './evidence.ts';
import { type LocatedObject, locateObject } from './locate.ts';
import type { Prediction, PredictOptions, Recogniser } from './recogniser.ts';

export interface Explanation {
  readonly prediction: Prediction;
  /** Where SCDA sees the object, in pixels of the photograph. */
  readonly box: Box;
  readonly picture: RawImage;
}

export interface ExplainOptions extends PredictOptions {
  /** The true class, if it is known: the caption says whether the answer is right. */
  readonly truth?: string;
}

/** Recognises a photograph and draws its evidence. */
export async function explainPhoto(
  recogniser: Recogniser,
  photo: string,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const image = await decodeImage(photo);
  const prediction = await recogniser.predict(photo, options); // sees what evaluation sees
  const object = await findObject(recogniser, image);
  const { crop, mapSize, heat, boxes } = prediction.evidence;
  const picture = await explainPicture({
    image,
    crop,
    object,
    heatMap: heat,
    mapSize,
    boxes,
    answers: prediction.answers.map(({ name, confidence }) => ({ name, confidence })),
    truth: options.truth,
  });
  return { prediction, box: object.box, picture };
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
