// Boxes that SCDA finds without any training, against annotated ones: mean intersection over union,
// and the share above one half, by split, beside a fixed box of two thirds in the centre.
//
//   npx tsx bench/scda-boxes.ts <dataset> <weights> [backbone] [size]

import type { Example } from '../src/core/example.ts';
import { hostTensor } from '../src/core/tensor.ts';
import { openDataset } from '../src/data/datasets/table.ts';
import { decodeImage } from '../src/data/image/decode.ts';
import { lower } from '../src/graph/lower.ts';
import { fillFromWeights } from '../src/hub/fill.ts';
import { loadWeights } from '../src/hub/weights.ts';
import { findBackbone } from '../src/nn/backbones/table.ts';
import { IMAGE_INPUT, imageInput, normaliseImage } from '../src/nn/image-input.ts';
import { objectMap } from '../src/nn/object-map.ts';
import { finerLevel } from '../src/nn/scda.ts';
import { type ParameterStore, Parameters } from '../src/nn/scope.ts';
import { locateObject } from '../src/recognise/locate.ts';
import { boxIou } from '../src/recognise/scda.ts';
import { foldConstants } from '../src/runtime/fold.ts';
import { createSession } from '../src/runtime/node.ts';

const [folder, weights, backbone = 'mobilenet_v2', size = '224'] = process.argv.slice(2);
if (weights === undefined) {
  const got = `${process.argv.length - 2} arguments`;
  throw new Error(`scda-boxes: expected <dataset> <weights>, got ${got}. Name both.`);
}
const session = await locator(Number(size));
const found: { split: string; scda: number; centre: number }[] = [];
for (const example of (await openDataset(folder)).examples) found.push(await compare(example));
await session.close();
for (const split of ['train', 'test', 'all']) {
  const rows = found.filter((row) => split === 'all' || row.split === split);
  for (const kind of ['scda', 'centre'] as const) {
    const ious = rows.map((row) => row[kind]);
    const mean = ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
    const good = ious.filter((iou) => iou > 0.5).length / ious.length;
    const name = `${split} (${ious.length})`.padEnd(12);
    console.log(`${name} ${kind.padEnd(7)} mean IoU ${mean.toFixed(3)}, ${share(good)} above 0.5`);
  }
}

function share(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}

/** The frozen network up to its object map. */
async function locator(side: number) {
  const loaded = await loadWeights(weights);
  const { input, padding } = loaded.description;
  const parameters = new Parameters();
  const pixels = normaliseImage(imageInput(1, side), input);
  const build = { norms: 'frozen', padding, pooling: 'average' } as const;
  const features = findBackbone(backbone).features(
    parameters.root().child('backbone'),
    pixels,
    build,
  );
  const map = objectMap({ map: features.map, finer: finerLevel(features) }, side);
  const store: ParameterStore = new Map();
  fillFromWeights(parameters, store, loaded, { backbone: findBackbone(backbone), classes: [] });
  const constants = (path: string) => store.get(path);
  const known = await foldConstants([map], constants);
  return await createSession(lower({ map }, { constants, known }).bytes);
}

async function compare({ path, split, box }: Example) {
  const image = await decodeImage(path);
  const side = Number(size);
  const found = await locateObject(image, side, async ({ data }) => {
    const feeds = { [IMAGE_INPUT]: hostTensor('uint8', [1, side, side, 3], data) };
    const { map } = await session.run(feeds);
    const [, height, width] = map.shape;
    return { width, height, data: map.data as Float32Array };
  });
  const centre = [image.width / 6, image.height / 6, (2 * image.width) / 3, (2 * image.height) / 3];
  return {
    split,
    scda: boxIou(found.box, box!),
    centre: boxIou(centre as never, box!),
  };
}
