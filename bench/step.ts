// Time and peak memory of one training step of ours alone, on random images.
//
//   npx tsx bench/step.ts [backbone] [frozen|train] [batch] [size] [rounds] [lowering]

import type { LoweringChoice } from '../src/runtime/choices.ts';
import { peakMegabytes } from './support/serve.ts';
import { median } from './support/statistics.ts';
import { prepareStep } from './support/step.ts';

const [net = 'mobilenet_v2', norms = 'frozen', ...rest] = process.argv.slice(2);
const [batch = 16, size = 224, rounds = 7] = rest.slice(0, 3).map(Number);
const lowering = (rest[3] ?? 'portable') as LoweringChoice;

// 'batch' is what the library calls norms that train
const work = { net, norms: norms === 'frozen' ? 'frozen' : 'train', batch, size } as const;
const step = await prepareStep(work, { lowering, threads: 2 });
const times: number[] = [];
for (let i = 0; i < rounds + 2; i++) {
  const start = performance.now();
  await step.run();
  if (i >= 2) times.push(performance.now() - start);
}
await step.close();
console.log(
  JSON.stringify({
    name: net,
    norms: work.norms,
    batch,
    size,
    lowering,
    median: Math.round(median(times)),
    fastest: Math.round(Math.min(...times)),
    create: Math.round(step.createMs),
    peakMegabytes: Math.round(peakMegabytes()),
  }),
);
