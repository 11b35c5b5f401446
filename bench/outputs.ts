// What the maps of the evidence cost: a pass with all outputs of a model against one with the answers alone,
// in the same rounds. Milliseconds, medians, at batch 1 and 16.
//
//   npx tsx bench/outputs.ts RUN [rounds]

import { hostTensor } from '../src/core/tensor.ts';
import { IMAGE_INPUT } from '../src/nn/image-input.ts';
import { goldenImage } from '../src/recognise/manifest.ts';
import { graphFor } from '../src/recognise/model-use.ts';
import { openModel } from '../src/recognise/open-model.ts';
import { createSession } from '../src/runtime/node.ts';

const [run, rounds = '30'] = process.argv.slice(2);
const model = await openModel(run);
const { size } = model.manifest.input;
const open = (evidence: boolean) =>
  createSession(graphFor(model, { contrast: false, evidence }), { threads: 2 });
const [all, answers] = [await open(true), await open(false)];
const one = goldenImage(size);
for (const batch of [1, 16]) {
  const data = new Uint8Array(batch * one.length);
  for (let i = 0; i < batch; i++) data.set(one, i * one.length);
  const feeds = { [IMAGE_INPUT]: hostTensor('uint8', [batch, size, size, 3], data) };
  const times = { all: [] as number[], answers: [] as number[] };
  for (let i = 0; i < Number(rounds) + 3; i++) {
    for (const [name, session] of [
      ['all', all],
      ['answers', answers],
    ] as const) {
      const began = performance.now();
      await session.run(feeds);
      if (i >= 3) times[name].push(performance.now() - began);
    }
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];
  const [full, few] = [median(times.all), median(times.answers)];
  const rounded = (value: number) => Number(value.toFixed(2));
  console.log(
    JSON.stringify({
      batch,
      all: rounded(full),
      answers: rounded(few),
      ratio: rounded(full / few),
    }),
  );
}
await all.close();
await answers.close();
