// One batch of images: which examples (a pure function of seed, epoch and step) and their pixels.

import type { Box } from '../core/example.ts';
import { randomStream } from '../core/random.ts';
import type { DecodedImage } from '../core/raw-image.ts';
import {
  type AugmentationOptions,
  type AugmentationPlan,
  applyAugmentation,
  applyToMask,
  sampleAugmentation,
} from './image/augment.ts';
import { decodePhoto } from './image/decode.ts';
import { type EvaluationGeometry, evaluationBox, shortSideOf } from './image/preprocess.ts';

/** One image of a batch. An `Example` with its index fits. */
export interface BatchItem {
  /** The caller's number for it, handed back in `Batch.indices`. */
  readonly index: number;
  /** Example id: keys the augmentation. */
  readonly id: string;
  readonly path: string;
  /** Object box that the view is restricted to. */
  readonly within?: Box;
  /** Mask image that is to be cut as the photograph is. */
  readonly mask?: string;
  /** Keys a second view of the same example in the same epoch. Default: 0. */
  readonly draw?: number;
}

/** How the network sees images: at random for training, or always alike. */
export type BatchView =
  | { readonly kind: 'augment'; readonly size: number; readonly options: AugmentationOptions }
  | { readonly kind: 'evaluate'; readonly geometry: EvaluationGeometry };

/** Plain data, so that it can be sent to a worker. */
export interface BatchRequest {
  readonly items: readonly BatchItem[];
  readonly view: BatchView;
  /** Both key the augmentation, and mean nothing to `evaluate`. */
  readonly seed: number;
  readonly epoch: number;
  /** Images with more pixels are refused. Default: that of `decodeImage`. */
  readonly maxPixels?: number;
}

export interface Batch {
  /** RGB bytes, [batch, size, size, 3]. */
  readonly images: Uint8Array<ArrayBuffer>;
  /** `index` of every item, in the order of the images. */
  readonly indices: number[];
  /** What was done to every image: annotations follow it (`core/fields.ts`). */
  readonly plans: AugmentationPlan[];
  /** Masks under the same views, [size, size] each; undefined where none was asked for. */
  readonly masks: (Uint8Array | undefined)[];
}

export interface EpochOptions {
  /** Default: true. */
  readonly shuffle?: boolean;
  /** Leave out a last batch that is not full. Default: false. */
  readonly dropLast?: boolean;
}

/** The indices 0..count-1 as the batches of an epoch. */
export function planEpoch(
  count: number,
  batchSize: number,
  seed: number,
  epoch: number,
  { shuffle = true, dropLast = false }: EpochOptions = {},
): number[][] {
  const order = shuffle
    ? randomStream(seed, 'shuffle', epoch).permutation(count)
    : Array.from({ length: count }, (_, i) => i);
  const batches = dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
  return Array.from({ length: batches }, (_, b) => order.slice(b * batchSize, (b + 1) * batchSize));
}

/** Side of the images of a view, in pixels. */
export function viewSize(view: BatchView): number {
  return view.kind === 'augment' ? view.size : view.geometry.size;
}

/** Images decoded at the same time: more than the four threads of libuv, few enough for memory. */
const IN_FLIGHT = 8;

/** Decodes, views and packs a batch in this thread. Rejects with FM_IMAGE, naming the image. */
export async function loadBatch(request: BatchRequest): Promise<Batch> {
  const { items, view, maxPixels } = request;
  const size = viewSize(view);
  const stride = size * size * 3;
  const images = new Uint8Array(items.length * stride);
  const plans = new Array<AugmentationPlan>(items.length);
  const masks = new Array<Uint8Array | undefined>(items.length);
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const i = next++;
      const { path, within, mask } = items[i];
      const minSide = within ? undefined : decodeSide(view);
      const image = await decodePhoto(path, { minSide, maxPixels });
      plans[i] = planView(image, items[i], request);
      images.set(applyAugmentation(image, plans[i], size).data, i * stride);
      if (mask !== undefined) masks[i] = applyToMask(await decodePhoto(mask), plans[i], size);
    }
  };
  const workers = Array.from({ length: IN_FLIGHT }, () => work());
  await Promise.all(workers).catch((error) => {
    next = items.length; // the others stop after their current image
    throw error;
  });
  return { images, indices: items.map((item) => item.index), plans, masks };
}

/** The short side below which decoding must not shrink, so that the smallest crop is still sharp. */
function decodeSide(view: BatchView): number | undefined {
  if (view.kind === 'evaluate') return shortSideOf(view.geometry);
  const { scale = [0.35, 1], window } = view.options;
  return Math.ceil(view.size / (window ?? Math.sqrt(scale[0])));
}

function planView(image: DecodedImage, item: BatchItem, request: BatchRequest): AugmentationPlan {
  const size = { width: image.sourceWidth, height: image.sourceHeight };
  const { view, seed, epoch } = request;
  if (view.kind === 'evaluate') {
    return { ...size, crop: evaluationBox(size, view.geometry, item.within), flip: false };
  }
  const stream = randomStream(seed, 'augment', epoch, item.id);
  const keyed = item.draw ? stream.child(item.draw) : stream;
  return sampleAugmentation(size, view.options, keyed, item.within);
}
