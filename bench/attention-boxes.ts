// Where a run looks closer, against annotated boxes: mean intersection over union and the share above
// one half, beside one fixed box in the centre of the same mean area. Draws the first boxes if asked.
//
//   npx tsx bench/attention-boxes.ts <run> <dataset> [split] [picture.png]

import type { Box, Example } from '../src/core/example.ts';
import type { RawImage } from '../src/core/raw-image.ts';
import { hostTensor } from '../src/core/tensor.ts';
import { openDataset } from '../src/data/datasets/table.ts';
import { decodeImage, encodePng } from '../src/data/image/decode.ts';
import { sideBySide, stacked, strokeBox } from '../src/data/image/draw.ts';
import { evaluationBox } from '../src/data/image/preprocess.ts';
import { resizeCrop } from '../src/data/image/resize.ts';
import { writeAtomic } from '../src/formats/atomic-file.ts';
import { IMAGE_INPUT } from '../src/nn/image-input.ts';
import { loadRecogniser } from '../src/recognise/recogniser.ts';
import { boxIou } from '../src/recognise/scda.ts';

/** Pictures of a row, and of all. */
const [ACROSS, DRAWN] = [6, 30];
const GROUND_TRUTH = [60, 220, 60] as const;

const [run, folder, split = 'test', picture] = process.argv.slice(2);
if (folder === undefined) {
  const got = `${process.argv.length - 2} arguments`;
  throw new Error(`attention-boxes: expected <run> <dataset>, got ${got}. Name both.`);
}
const recogniser = await loadRecogniser(run);
const { size } = recogniser.geometry;
const { examples } = await openDataset(folder);
const wanted = examples.filter(
  (e) => e.box !== undefined && (split === 'all' || e.split === split),
);
const looked: { shares: Box[]; truth: Box; example: Example }[] = [];
for (const example of wanted) looked.push(await look(example));
await recogniser.close();

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
if (picture !== undefined) await draw(picture);

function report(name: string, boxes: readonly Box[]): void {
  const ious = boxes.map((box, i) => boxIou(box, looked[i].truth));
  const good = (100 * ious.filter((iou) => iou > 0.5).length) / ious.length;
  const figures = `mean IoU ${mean(ious).toFixed(3)}, ${good.toFixed(1)} % above 0.5`;
  console.log(`  ${name.padEnd(9)} ${figures}`);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, v) => a + v, 0) / values.length;
}

/** Boxes of the closer looks and of the annotation, in shares of what the network sees. */
async function look(example: Example) {
  const { view, crop } = await viewOf(example);
  const feeds = { [IMAGE_INPUT]: hostTensor('uint8', [1, size, size, 3], view.data) };
  const { boxes } = await recogniser.session.run(feeds);
  if (boxes === undefined)
    throw new Error(`attention-boxes: ${run} looks at the whole image only.`);
  const numbers = Array.from(boxes.data as Float32Array);
  const shares = Array.from({ length: numbers.length / 4 }, (_, i) =>
    numbers.slice(4 * i, 4 * i + 4),
  );
  const [x, y, w, h] = example.box!;
  const truth = [(x - crop[0]) / crop[2], (y - crop[1]) / crop[3], w / crop[2], h / crop[3]];
  return { shares: shares as unknown as Box[], truth: truth as unknown as Box, example };
}

async function viewOf({ path }: Example) {
  const image = await decodeImage(path);
  const crop = evaluationBox(image, recogniser.geometry);
  return { view: resizeCrop(image, crop, size, size), crop };
}

async function draw(path: string): Promise<void> {
  const every = Math.max(1, Math.floor(looked.length / DRAWN));
  const cells: RawImage[] = [];
  for (const { shares, truth, example } of looked
    .filter((_, i) => i % every === 0)
    .slice(0, DRAWN)) {
    const { view } = await viewOf(example);
    const scaled = (box: Box) => box.map((v) => v * size) as unknown as Box;
    const annotated = strokeBox(view, scaled(truth), { colour: GROUND_TRUTH, thickness: 2 });
    cells.push(shares.reduce((picture, box) => strokeBox(picture, scaled(box)), annotated));
  }
  const rows = Array.from({ length: Math.ceil(cells.length / ACROSS) }, (_, row) =>
    sideBySide(cells.slice(row * ACROSS, (row + 1) * ACROSS), { gap: 6 }),
  );
  await writeAtomic(path, await encodePng(stacked(rows, { gap: 6, margin: 6 })));
}
