// What decoding and augmentation cost a training run: steps on photographs from a folder, read by
// the loader as in training, against the same steps on one batch that lies ready. In turns.
//
//   npx tsx bench/epoch.ts <dataset> [backbone] [rounds] [steps of a round] [workers]

import { openDataset } from '../src/data/datasets/table.ts';
import { networkSettings } from '../src/methods/settings.ts';
import { imageBatches } from '../src/train/batches.ts';
import { parseConfig } from '../src/train/config.ts';
import { median } from './support/statistics.ts';
import { prepareStep } from './support/step.ts';

const [data, net = 'mobilenet_v2', ...rest] = process.argv.slice(2);
if (data === undefined) throw new Error('epoch: expected a dataset folder, got none');
const [rounds = 5, steps = 15, workers = 1] = rest.map(Number);
const [batch, size] = [16, 224];

const dataset = await openDataset(data);
const config = parseConfig({ data, size, workers });
const settings = { ...networkSettings(true), batch, epochs: 1000 };
const source = imageBatches({ examples: dataset.examples, settings, config });
const step = await prepareStep(
  { net, norms: 'frozen', batch, size },
  { lowering: 'auto', threads: 2 },
);

let next = 0;
const epochOf = (index: number) => Math.floor(index / source.stepsPerEpoch);
const timed = async (work: () => Promise<unknown>) => {
  const start = performance.now();
  for (let i = 0; i < steps; i++) await work();
  return (performance.now() - start) / steps;
};
const real = async () => {
  const { input } = await source.load(epochOf(next), next % source.stepsPerEpoch);
  next++;
  await step.run(input);
};
for (let i = 0; i < 3; i++) await real();
const ratios: number[] = [];
const alone: number[] = [];
for (let round = 0; round < rounds; round++) {
  const isolated = await timed(() => step.run());
  await real(); // the loader has gone ahead meanwhile: the queue starts as full as it will be
  const loaded = await timed(real);
  alone.push(isolated);
  ratios.push(loaded / isolated);
}
await source.close();
await step.close();
console.log(
  JSON.stringify({
    net,
    photographs: dataset.examples.length,
    isolated: Math.round(median(alone)),
    ratio: Number(median(ratios).toFixed(3)),
    ratios: ratios.map((r) => Number(r.toFixed(3))),
  }),
);
