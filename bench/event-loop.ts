// How long one prediction keeps the event loop from others, here and with a worker thread:
//
//   npx tsx bench/event-loop.ts RUN [ROUNDS]
//
// The longest time between two turns of the loop while a photograph is recognised; the median of some
// rounds, because what else runs on the machine makes single ones longer.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import sharp from 'sharp';
import type { Photograph } from '../src/data/image/photograph.ts';
import { loadRecogniser } from '../src/recognise/load-recogniser.ts';
import type { Recogniser } from '../src/recognise/recogniser.ts';

const [run = '', rounds = '15'] = process.argv.slice(2);
if (run === '') throw new Error('usage: npx tsx bench/event-loop.ts RUN [ROUNDS]');

const raw = (width: number, height: number) => {
  const data = new Uint8Array(width * height * 3).map((_, i) => (i * 7 + (i >> 9)) & 255);
  return { width, height, data };
};
const file = (width: number, height: number, kind: 'jpeg' | 'png') =>
  sharp(raw(width, height).data, { raw: { width, height, channels: 3 } })
    [kind]()
    .toBuffer();

const photographs: Record<string, Photograph> = {
  'JPEG, 0.2 megapixels': await file(500, 375, 'jpeg'),
  'JPEG, 12 megapixels': await file(4000, 3000, 'jpeg'),
  'PNG, 12 megapixels': await file(4000, 3000, 'png'),
  'pixels, 2 megapixels': raw(1600, 1200),
  'pixels, 12 megapixels': raw(4000, 3000),
};

/** Milliseconds of the longest time between turns of the loop, and of the whole prediction. */
async function measure(recogniser: Recogniser, photo: Photograph) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const start = performance.now();
  await recogniser.predict(photo);
  const whole = performance.now() - start;
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  return { longest: delay.max / 1e6 - 1, whole };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

for (const worker of [false, true]) {
  const recogniser = await loadRecogniser(run, { worker });
  for (const [name, photo] of Object.entries(photographs)) {
    for (let i = 0; i < 3; i++) await recogniser.predict(photo);
    const found = [];
    for (let i = 0; i < Number(rounds); i++) found.push(await measure(recogniser, photo));
    const [longest, whole] = [found.map((one) => one.longest), found.map((one) => one.whole)];
    const cells = [median(longest), Math.min(...longest), median(whole)].map((v) => v.toFixed(1));
    const where = worker ? 'worker thread' : 'this thread';
    console.log(
      `${where}  ${name.padEnd(22)} held ${cells[0]} ms (least ${cells[1]}), whole ${cells[2]} ms`,
    );
  }
  await recogniser.close();
}
