// One batch of images: which examples (a pure function of seed, epoch and step) and their pixels.

import type { Box } from '../core/example.ts';
import { randomStream } from '../core/random.ts';
import {
  type AugmentationOptions,
  type AugmentationPlan,
  applyAugmentation,
  sampleAugmentation,
} from './image/augment.ts';
import { type DecodedImage, decodePhoto } from './image/decode.ts';
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
  /** What was done to every image; `mapBox` and `mapParts` take annotations along. */
  readonly plans: AugmentationPlan[];
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

/** An image of a planned batch; `draw` tells views of the same image in one epoch apart. */
export interface PlannedImage {
  readonly index: number;
  readonly draw: number;
}

export interface BalancedOptions {
  readonly batch: number;
  /** Images of each class in a batch; divides `batch`. */
  readonly samples: number;
  /** For each class its parent, where siblings are to be in one batch. */
  readonly parents?: readonly number[];
  /** With `parents`: so many classes of one parent, where it has them. Default: 1. */
  readonly siblings?: number;
}

/**
 * Batches of `batch / samples` classes with `samples` images each. Every image is in some group of
 * its class, and classes with more images have more groups; a group that is not full is filled with
 * further views of images of the class. Each epoch has as many batches as the images would fill.
 * With `siblings`, classes of one parent come one after another.
 */
export function planBalancedEpoch(
  labels: readonly number[],
  options: BalancedOptions,
  seed: number,
  epoch: number,
): PlannedImage[][] {
  const { batch, samples } = options;
  const stream = randomStream(seed, 'balanced', epoch);
  const ofLabel = new Map<number, number[]>();
  for (const index of stream.permutation(labels.length)) {
    const images = ofLabel.get(labels[index]);
    if (images) images.push(index);
    else ofLabel.set(labels[index], [index]);
  }
  const count = Math.max(1, Math.floor(labels.length / batch));
  const taken = new Map<number, number>();
  const group = (label: number): PlannedImage[] => {
    const images = ofLabel.get(label)!;
    const first = taken.get(label) ?? 0;
    taken.set(label, first + samples);
    return Array.from({ length: samples }, (_, i) => ({
      index: images[(first + i) % images.length],
      draw: Math.floor((first + i) / images.length),
    }));
  };
  return Array.from({ length: count }, (_, b) => {
    const turn = new Map(
      stream
        .child(b)
        .permutation(ofLabel.size)
        .map((rank, i) => [[...ofLabel.keys()][i], rank]),
    );
    // those that have shown the smallest share of their images come first; chance decides ties
    const share = (label: number) => (taken.get(label) ?? 0) / ofLabel.get(label)!.length;
    const order = [...ofLabel.keys()].sort(
      (x, y) => share(x) - share(y) || turn.get(x)! - turn.get(y)!,
    );
    return withSiblings(order, options)
      .slice(0, batch / samples)
      .flatMap(group);
  });
}

/** Draws each class's next siblings up to it, as many as are to be together. */
function withSiblings(
  order: readonly number[],
  { parents, siblings = 1 }: BalancedOptions,
): readonly number[] {
  if (parents === undefined || siblings === 1) return order;
  const ofParent = new Map<number, number[]>();
  for (const label of order) {
    const others = ofParent.get(parents[label]);
    if (others) others.push(label);
    else ofParent.set(parents[label], [label]);
  }
  const placed = new Set<number>();
  return order.flatMap((label) => {
    if (placed.has(label)) return [];
    const together = ofParent.get(parents[label])!.splice(0, siblings);
    for (const one of together) placed.add(one);
    return together;
  });
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
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const i = next++;
      const { path, within } = items[i];
      const minSide = within ? undefined : decodeSide(view);
      const image = await decodePhoto(path, { minSide, maxPixels });
      plans[i] = planView(image, items[i], request);
      images.set(applyAugmentation(image, plans[i], size).data, i * stride);
    }
  };
  const workers = Array.from({ length: IN_FLIGHT }, () => work());
  await Promise.all(workers).catch((error) => {
    next = items.length; // the others stop after their current image
    throw error;
  });
  return { images, indices: items.map((item) => item.index), plans };
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
