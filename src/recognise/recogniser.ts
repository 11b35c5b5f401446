// A trained model in use: a photograph in, a calibrated answer with its evidence out.

import { fail, mustBeCount } from '../core/errors.ts';
import type { Box, HierarchyLevel } from '../core/example.ts';
import { Gate } from '../core/gate.ts';
import type { RawImage } from '../core/raw-image.ts';
import { type HostTensor, hostTensor } from '../core/tensor.ts';
import { checkedPixels, type Photograph } from '../data/image/photograph.ts';
import type { EvaluationGeometry } from '../data/image/preprocess.ts';
import { IMAGE_INPUT } from '../nn/image-input.ts';
import type { Session } from '../runtime/session.ts';
import { closedError, sharedSession } from '../runtime/shared-session.ts';
import { contrastAgainst, withoutRival } from './contrast.ts';
import type { Manifest } from './manifest.ts';
import type { CutView, LookOptions } from './view.ts';

/** One class with its calibrated probability. */
export interface Answer {
  readonly label: number;
  readonly name: string;
  readonly confidence: number;
}

/** The best answer at one level of the hierarchy: probabilities of its classes added up. */
export interface LevelAnswer {
  readonly level: string;
  readonly name: string;
  readonly confidence: number;
}

/** What the network saw and where it looked. */
export interface Evidence {
  /** The part of the upright photograph that the network saw. */
  readonly crop: Box;
  /** Rows and columns of the maps; none where the model was loaded without its evidence. */
  readonly mapSize: { readonly h: number; readonly w: number };
  /** Where SCDA sees the object, h * w: it is where this is above its mean. */
  readonly activation: Float32Array;
  /** What spoke for the best answer, or for it against a rival, h * w. */
  readonly heat: Float32Array;
  /** Where the network looked again, in pixels of the photograph; empty where it looks once. */
  readonly boxes: readonly Box[];
  /** Descriptors of places, [1, C, h, w], of methods that compare images by them. */
  readonly descriptors?: HostTensor<'float32'>;
}

export interface Prediction {
  /** Most probable first; there is always one. */
  readonly answers: readonly [Answer, ...Answer[]];
  /** Coarsest first; empty for flat labels. */
  readonly levels: readonly LevelAnswer[];
  /** Before temperature and softmax, one per class. */
  readonly logits: Float32Array;
  readonly embedding: Float32Array;
  readonly evidence: Evidence;
}

export interface PredictOptions {
  /** How many answers to return; 5 unless given. */
  readonly topK?: number;
  /** The label of a rival: `heat` then shows what speaks for the answer against it. */
  readonly versus?: number;
  /** The object's box in pixels of the photograph, for models that were trained within boxes. */
  readonly within?: Box;
  /** Photographs with more pixels are refused. Default: 256 million. */
  readonly maxPixels?: number;
}

/** What a recogniser works with besides its session. */
export interface RecogniserParts {
  /** The session is that of an opened model (`openContrast`). */
  readonly contrast?: boolean;
  /** Cuts the network's square out of a photograph. */
  readonly look: (photo: Photograph, options: LookOptions) => Promise<CutView>;
}

/** What messages call a recogniser. */
const NAME = 'recogniser';

/**
 * A loaded model, which may be asked many things at once: the engine takes them one after the other.
 * Close it when it is no longer needed.
 */
export class Recogniser {
  readonly manifest: Manifest;
  readonly geometry: EvaluationGeometry;
  /** The loaded graph, for passes over many images. */
  readonly session: Session;
  readonly #contrast: boolean;
  readonly #look: RecogniserParts['look'];
  readonly #gate = new Gate(() => closedError(NAME));

  constructor(manifest: Manifest, session: Session, { contrast = false, look }: RecogniserParts) {
    const shared = sharedSession(session, NAME);
    this.manifest = manifest;
    this.geometry = manifest.input;
    this.session = contrast ? withoutRival(shared, manifest.classes.length) : shared;
    this.#contrast = contrast;
    this.#look = look;
  }

  /** Recognises a photograph: an image file in any form, or pixels. A stream is read to its end. */
  async predict(photo: Photograph, options: PredictOptions = {}): Promise<Prediction> {
    return await this.#gate.enter(async () => {
      this.#check(options);
      const { within, maxPixels } = options;
      const { view, crop } = await this.#look(photo, { within, maxPixels });
      return await this.#answer(view, crop, options);
    });
  }

  /** Recognises the square that the network takes, already cut and resized. */
  async predictView(view: RawImage, crop: Box, options: PredictOptions = {}): Promise<Prediction> {
    return await this.#gate.enter(async () => {
      this.#check(options);
      return await this.#answer(checkedView(view, this.geometry.size), crop, options);
    });
  }

  /** Waits for what is under way and frees the model. Calling it again is no error. */
  async close(): Promise<void> {
    await this.#gate.close(() => this.session.close());
  }

  async #answer(
    view: RawImage,
    crop: Box,
    { topK = 5, versus }: PredictOptions,
  ): Promise<Prediction> {
    const { size } = this.geometry;
    const input = hostTensor('uint8', [1, size, size, 3], view.data);
    const rival = versus === undefined ? {} : contrastAgainst(this.manifest.classes.length, versus);
    const out = await this.session.run({ [IMAGE_INPUT]: input, ...rival });
    const probabilities = finite(out.probabilities.data as Float32Array);
    const [, h, w] = out.heat?.shape ?? [1, 0, 0];
    return {
      answers: this.#rank(probabilities, topK),
      levels: (this.manifest.hierarchy ?? []).map((level) => bestOfLevel(level, probabilities)),
      logits: out.logits.data as Float32Array,
      embedding: out.embedding.data as Float32Array,
      evidence: {
        crop,
        mapSize: { h, w },
        activation: mapOf(out.activation),
        heat: mapOf(out.heat),
        boxes: out.boxes === undefined ? [] : boxesWithin(crop, out.boxes.data as Float32Array),
        descriptors: out.descriptors as HostTensor<'float32'> | undefined,
      },
    };
  }

  #check({ topK, versus }: PredictOptions): void {
    const { length } = this.manifest.classes;
    if (topK !== undefined) {
      const next = `The model knows ${length} classes; without topK the first 5 are returned.`;
      mustBeCount(topK, 'topK', next);
    }
    if (versus === undefined) return;
    if (!(Number.isInteger(versus) && versus >= 0 && versus < length)) {
      throw fail('FM_USAGE', 'versus', {
        expected: `the label of a class, 0 to ${length - 1}`,
        got: `${versus}`,
        next: "A class's label is its place in the manifest's classes.",
      });
    }
    if (!this.#contrast) {
      throw fail('FM_USAGE', 'versus', {
        expected: 'a recogniser that was loaded with { contrast: true }',
        got: 'one that was loaded without',
        next: 'Load it with that option, or leave versus out.',
      });
    }
  }

  #rank(probabilities: Float32Array, topK: number): [Answer, ...Answer[]] {
    const ranked = Array.from(probabilities, (confidence, label) => ({ label, confidence }))
      .sort((a, b) => b.confidence - a.confidence || a.label - b.label)
      .slice(0, topK)
      .map(({ label, confidence }) => ({ label, name: this.manifest.classes[label], confidence }));
    return ranked as [Answer, ...Answer[]]; // a model has a class at least, and topK is 1 or more
  }
}

/** Empty where the model was loaded without its evidence. */
function mapOf(output: HostTensor | undefined): Float32Array {
  return (output?.data ?? new Float32Array()) as Float32Array;
}

/** A network that diverged answers NaN to everything: ranked, its first class would always win. */
function finite(probabilities: Float32Array): Float32Array {
  const wrong = probabilities.find((p) => !Number.isFinite(p));
  if (wrong === undefined) return probabilities;
  throw fail('FM_RUNTIME', 'model', {
    expected: 'probabilities that are numbers',
    got: `${wrong}`,
    next: 'Its weights are damaged or were trained at too high a rate: train it again with a lower one.',
  });
}

function checkedView(view: RawImage, size: number): RawImage {
  const pixels = checkedPixels(view);
  if (pixels.width === size && pixels.height === size) return pixels;
  throw fail('FM_USAGE', 'view', {
    expected: `the network's square of ${size} x ${size} pixels`,
    got: `${pixels.width} x ${pixels.height}`,
    next: 'predict() cuts and resizes photographs of any size.',
  });
}

/** Boxes given as shares of the crop, [1, B, 4], in pixels of the photograph. */
function boxesWithin([left, top, width, height]: Box, shares: Float32Array): Box[] {
  return Array.from({ length: shares.length / 4 }, (_, i) => {
    const [x, y, w, h] = shares.subarray(4 * i, 4 * i + 4);
    return [left + x * width, top + y * height, w * width, h * height];
  });
}

function bestOfLevel(level: HierarchyLevel, probabilities: Float32Array): LevelAnswer {
  const mass = new Float64Array(level.names.length);
  probabilities.forEach((p, label) => {
    mass[level.ofClass[label]] += p;
  });
  const best = mass.indexOf(Math.max(...mass));
  return { level: level.name, name: level.names[best], confidence: mass[best] };
}
