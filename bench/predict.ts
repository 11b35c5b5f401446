// Compute time of one prediction with a loaded model, batch 1: milliseconds, median of many.
//
//   npx tsx bench/predict.ts RUN [rounds]

import { hostTensor } from '../src/core/tensor.ts';
import { IMAGE_INPUT } from '../src/nn/image-input.ts';
import { loadRecogniser } from '../src/recognise/load-recogniser.ts';
import { goldenImage } from '../src/recognise/manifest.ts';

const [run, rounds = '100'] = process.argv.slice(2);
const recogniser = await loadRecogniser(run, { threads: 2 });
const { size } = recogniser.geometry;
const image = hostTensor('uint8', [1, size, size, 3], goldenImage(size));
const times: number[] = [];
for (let i = 0; i < Number(rounds) + 10; i++) {
  const began = performance.now();
  await recogniser.session.run({ [IMAGE_INPUT]: image });
  if (i >= 10) times.push(performance.now() - began);
}
await recogniser.close();
times.sort((a, b) => a - b);
const at = (share: number) => Number(times[Math.floor(share * (times.length - 1))].toFixed(2));
console.log(
  JSON.stringify({ size, rounds: times.length, median: at(0.5), p10: at(0.1), p90: at(0.9) }),
);
