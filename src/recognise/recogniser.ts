// A trained model in use: a photograph in, a calibrated answer with its evidence out.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fail } from '../core/errors.ts';
import type { Box, HierarchyLevel } from '../core/example.ts';
import type { RawImage } from '../core/raw-image.ts';
import { type HostTensor, hostTensor } from '../core/tensor.ts';
import { type DecodedImage, decodePhoto } from '../data/image/decode.ts';
import {
  type EvaluationGeometry,
  evaluationBox,
  type ImageSize,
  shortSideOf,
} from '../data/image/preprocess.ts';
import { resizeCrop } from '../data/image/resize.ts';
import { IMAGE_INPUT } from '../nn/image-input.ts';
import { createSession } from '../runtime/node.ts';
import type { Session } from '../runtime/session.ts';
import { contrastAgainst, openContrast, withoutRival } from './contrast.ts';
import { type Manifest, MODEL_FILE, readManifest } from './manifest.ts';

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
  /** Rows and columns of the maps. */
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
  /** Most probable first. */
  readonly answers: readonly Answer[];
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

/** A loaded model. Close it when it is no longer needed. */
export class Recogniser {
  readonly manifest: Manifest;
  readonly geometry: EvaluationGeometry;
  /** The loaded graph, for passes over many images. */
  readonly session: Session;
  readonly #contrast: boolean;

  /** `contrast`: the session is that of an opened model (`openContrast`). */
  constructor(manifest: Manifest, session: Session, { contrast = false } = {}) {
    this.manifest = manifest;
    this.geometry = manifest.input;
    this.session = contrast ? withoutRival(session, manifest.classes.length) : session;
    this.#contrast = contrast;
  }

  /** Recognises a photograph: a path, the bytes of an image file, or raw pixels. */
  async predict(
    image: string | Uint8Array | RawImage,
    options: PredictOptions = {},
  ): Promise<Prediction> {
    const { size } = this.geometry;
    const minSide = options.within ? undefined : shortSideOf(this.geometry);
    const raw = isRaw(image)
      ? image
      : await decodePhoto(image, { minSide, maxPixels: options.maxPixels });
    // decoding may have shrunk the photograph: the crop is that of its full size
    const source = fullSize(raw);
    const crop = evaluationBox(source, this.geometry, options.within);
    const view = resizeCrop(raw, shrunkBox(crop, source, raw), size, size);
    return await this.predictView(view, crop, options);
  }

  /** Recognises the square that the network takes, already cut and resized. */
  async predictView(
    view: RawImage,
    crop: Box,
    { topK = 5, versus }: PredictOptions = {},
  ): Promise<Prediction> {
    const { size } = this.geometry;
    const input = hostTensor('uint8', [1, size, size, 3], view.data);
    if (versus !== undefined && !this.#contrast) {
      throw new Error('predict: versus wants a recogniser loaded with { contrast: true }');
    }
    const rival = versus === undefined ? {} : contrastAgainst(this.manifest.classes.length, versus);
    const out = await this.session.run({ [IMAGE_INPUT]: input, ...rival });
    const probabilities = out.probabilities.data as Float32Array;
    const [, h, w] = out.heat.shape;
    return {
      answers: this.#rank(probabilities, topK),
      levels: (this.manifest.hierarchy ?? []).map((level) => bestOfLevel(level, probabilities)),
      logits: out.logits.data as Float32Array,
      embedding: out.embedding.data as Float32Array,
      evidence: {
        crop,
        mapSize: { h, w },
        activation: out.activation.data as Float32Array,
        heat: out.heat.data as Float32Array,
        boxes: out.boxes === undefined ? [] : boxesWithin(crop, out.boxes.data as Float32Array),
        descriptors: out.descriptors as HostTensor<'float32'> | undefined,
      },
    };
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  #rank(probabilities: Float32Array, topK: number): Answer[] {
    return Array.from(probabilities, (confidence, label) => ({ label, confidence }))
      .sort((a, b) => b.confidence - a.confidence || a.label - b.label)
      .slice(0, topK)
      .map(({ label, confidence }) => ({ label, name: this.manifest.classes[label], confidence }));
  }
}

/** Boxes given as shares of the crop, [1, B, 4], in pixels of the photograph. */
function boxesWithin([left, top, width, height]: Box, shares: Float32Array): Box[] {
  return Array.from({ length: shares.length / 4 }, (_, i) => {
    const [x, y, w, h] = shares.subarray(4 * i, 4 * i + 4);
    return [left + x * width, top + y * height, w * width, h * height];
  });
}

function fullSize(raw: RawImage | DecodedImage): ImageSize {
  return 'sourceWidth' in raw ? { width: raw.sourceWidth, height: raw.sourceHeight } : raw;
}

function shrunkBox([x, y, width, height]: Box, from: ImageSize, to: ImageSize): Box {
  const [kx, ky] = [to.width / from.width, to.height / from.height];
  return [x * kx, y * ky, width * kx, height * ky];
}

function isRaw(image: string | Uint8Array | RawImage): image is RawImage {
  return typeof image === 'object' && 'data' in image;
}

function bestOfLevel(level: HierarchyLevel, probabilities: Float32Array): LevelAnswer {
  const mass = new Float64Array(level.names.length);
  probabilities.forEach((p, label) => {
    mass[level.ofClass[label]] += p;
  });
  const best = mass.indexOf(Math.max(...mass));
  return { level: level.name, name: level.names[best], confidence: mass[best] };
}

export interface LoadOptions {
  readonly threads?: number;
  /**
   * Loads the model so that `predict` can explain an answer against a rival (`versus`). Throws
   * FM_FORMAT for models of before there was that.
   */
  readonly contrast?: boolean;
}

/** Loads a model: a run folder, or a folder with model.onnx and fieldmark.json. */
export async function loadRecogniser(
  folder: string,
  options: LoadOptions = {},
): Promise<Recogniser> {
  const place = await modelFolder(folder);
  const manifest = await readManifest(place);
  const path = join(place, MODEL_FILE);
  const bytes = await readFile(path).catch((cause) => {
    throw fail('FM_RUN', path, {
      expected: 'the model that belongs to the manifest',
      got: 'no file',
      next: 'Copy both files together, or export the model again.',
      cause,
    });
  });
  const hash = createHash('sha256').update(bytes).digest('hex');
  if (hash !== manifest.sha256) {
    throw fail('FM_FORMAT', path, {
      expected: `the model that its manifest describes (SHA-256 ${manifest.sha256.slice(0, 12)}...)`,
      got: `another or a damaged one (${hash.slice(0, 12)}...)`,
      next: 'Copy both files together, or export the model again.',
    });
  }
  const { contrast = false, ...engine } = options;
  const model = contrast ? openContrast(bytes, path) : bytes;
  return new Recogniser(manifest, await createSession(model, engine), { contrast });
}

async function modelFolder(folder: string): Promise<string> {
  if (basename(folder) === 'model') return folder;
  const inside = join(folder, 'model');
  const found = await readFile(join(inside, 'fieldmark.json')).then(
    () => true,
    () => false,
  );
  return found ? inside : folder;
}
