// Where runs look closer, against annotated boxes: mean intersection over union and the share above
// one half, beside one fixed box in the centre of the same mean area. Runs are those of one method: a
// run, or one for each fold, each on the images that were held back from it. Draws some if asked.
//
//   npx tsx bench/attention-boxes.ts [--split train] [--picture boxes.png] <run>...

import { parseArgs } from 'node:util';
import type { Box, Example } from '../src/core/example.ts';
import type { RawImage } from '../src/core/raw-image.ts';
import { hostTensor } from '../src/core/tensor.ts';
import { decodeImage, encodePng } from '../src/data/image/decode.ts';
import { sideBySide, stacked, strokeBox } from '../src/data/image/draw.ts';
import { evaluationBox } from '../src/data/image/preprocess.ts';
import { resizeCrop } from '../src/data/image/resize.ts';
import { openTrainedImages } from '../src/data/trained-images.ts';
import { writeAtomic } from '../src/formats/atomic-file.ts';
import { IMAGE_INPUT } from '../src/nn/image-input.ts';
import { loadRecogniser } from '../src/recognise/load-recogniser.ts';
import type { Recogniser } from '../src/recognise/recogniser.ts';
import { boxIou } from '../src/recognise/scda.ts';
import { readRunConfig } from '../src/train/run-folder.ts';

/** Pictures of a row, and of all. */
const [ACROSS, DRAWN] = [6, 30];
const GROUND_TRUTH = [60, 220, 60] as const;

const { values: flags, positionals: runs } = parseArgs({
  options: {
    split: { type: 'string', default: 'test' },
    picture: { type: 'string' },
  },
  allowPositionals: true,
});
if (runs.length === 0) {
  throw new Error('attention-boxes: expected <run>..., got none. Name the folders of some runs.');
}

/** A view of an image, with boxes in shares of it: those of the closer looks, and the annotated one. */
interface Look {
  readonly view: RawImage;
  readonly shares: readonly Box[];
  readonly truth: Box;
}

const looked: Look[] = [];
for (const run of runs) {
  const recogniser = await loadRecogniser(run);
  for (const example of await imagesOf(run, recogniser))
    looked.push(await look(recogniser, run, example));
  await recogniser.close();
}

for (const [index] of looked[0].shares.entries()) {
  const boxes = looked.map(({ shares }) => shares[index]);
  const area = mean(boxes.map(([, , w, h]) => w * h));
  const side = Math.sqrt(area);
  const centre: Box = [(1 - side) / 2, (1 - side) / 2, side, side];
  console.log(
    `look ${index + 2} at ${looked.length} images, mean half side ${(side / 2).toFixed(3)}`,
  );
  report('attention', boxes);
  report(
    'centre',
    boxes.map(() => centre),
  );
}
if (flags.picture !== undefined) await draw(flags.picture);

function report(name: string, boxes: readonly Box[]): void {
  const ious = boxes.map((box, i) => boxIou(box, looked[i].truth));
  const good = (100 * ious.filter((iou) => iou > 0.5).length) / ious.length;
  const figures = `mean IoU ${mean(ious).toFixed(3)}, ${good.toFixed(1)} % above 0.5`;
  console.log(`  ${name.padEnd(9)} ${figures}`);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, v) => a + v, 0) / values.length;
}

/** Annotated images of the split; of a run of one fold those that it held back are `test`. */
async function imagesOf(run: string, { manifest }: Recogniser): Promise<Example[]> {
  const config = await readRunConfig(run);
  const { trained, classes } = manifest;
  const { dataset } = await openTrainedImages(config, trained.heldBack, classes);
  return dataset.examples.filter((e) => e.box !== undefined && e.split === flags.split);
}

async function look(recogniser: Recogniser, run: string, example: Example): Promise<Look> {
  const { size } = recogniser.geometry;
  const image = await decodeImage(example.path);
  const crop = evaluationBox(image, recogniser.geometry);
  const view = resizeCrop(image, crop, size, size);
  const feeds = { [IMAGE_INPUT]: hostTensor('uint8', [1, size, size, 3], view.data) };
  const { boxes } = await recogniser.session.run(feeds);
  if (boxes === undefined) {
    throw new Error(`attention-boxes: ${run} looks at the whole image only.`);
  }
  const numbers = Array.from(boxes.data as Float32Array);
  const shares = Array.from({ length: numbers.length / 4 }, (_, i): Box => {
    const [x, y, w, h] = numbers.slice(4 * i, 4 * i + 4);
    return [x, y, w, h];
  });
  const [x, y, w, h] = example.box!;
  const truth: Box = [(x - crop[0]) / crop[2], (y - crop[1]) / crop[3], w / crop[2], h / crop[3]];
  return { view, shares, truth };
}

async function draw(path: string): Promise<void> {
  const every = Math.max(1, Math.floor(looked.length / DRAWN));
  const shown = looked.filter((_, i) => i % every === 0).slice(0, DRAWN);
  const cells = shown.map(({ view, shares, truth }) => {
    const scaled = ([x, y, w, h]: Box): Box => [
      x * view.width,
      y * view.height,
      w * view.width,
      h * view.height,
    ];
    const annotated = strokeBox(view, scaled(truth), { colour: GROUND_TRUTH, thickness: 2 });
    return shares.reduce((picture, box) => strokeBox(picture, scaled(box)), annotated);
  });
  const rows = Array.from({ length: Math.ceil(cells.length / ACROSS) }, (_, row) =>
    sideBySide(cells.slice(row * ACROSS, (row + 1) * ACROSS), { gap: 6 }),
  );
  await writeAtomic(path, await encodePng(stacked(rows, { gap: 6, margin: 6 })));
}
