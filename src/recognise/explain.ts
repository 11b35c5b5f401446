// From a photograph to the picture that shows what the answer rests on.

import type { Box } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { decodeImage } from '../data/image/decode.ts';
import { explainPicture } from './evidence.ts';
import type { Prediction, PredictOptions, Recogniser } from './recogniser.ts';
import { scdaMask, smoothScdaBox } from './scda.ts';

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
  const { crop, mapSize, activation, heat, boxes } = prediction.evidence;
  const mask = scdaMask({ width: mapSize.w, height: mapSize.h, data: activation });
  const picture = await explainPicture({
    image,
    crop,
    scdaMap: activation,
    heatMap: heat,
    mapSize,
    boxes,
    answers: prediction.answers.map(({ name, confidence }) => ({ name, confidence })),
    truth: options.truth,
  });
  return { prediction, box: smoothScdaBox(mask, crop), picture };
}
