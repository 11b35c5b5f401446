// The edges of a recogniser: what it takes for a photograph, which options it refuses, many calls at
// once, and closing. The same here and in a worker thread.

import { createReadStream } from 'node:fs';
import { copyFile, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Box } from '../../src/core/example.ts';
import { hostTensor } from '../../src/core/tensor.ts';
import { decodeImage } from '../../src/data/image/decode.ts';
import type { Photograph } from '../../src/data/image/photograph.ts';
import { explainPhoto } from '../../src/recognise/explain.ts';
import { loadRecogniser, lookHere } from '../../src/recognise/load-recogniser.ts';
import type { Prediction, Recogniser } from '../../src/recognise/recogniser.ts';
import { startScript } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { noiseImage } from '../support/images.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const world = tinyWorld();
let run: string;
let photo: string;
let bytes: Buffer<ArrayBuffer>;

beforeAll(async () => {
  run = join(world.folder, 'run');
  await trainHere(world.data, run, { epochs: 1 });
  const list = await readFile(join(world.data, 'images.txt'), 'utf8');
  photo = join(world.data, 'images', list.split('\n')[0].split(' ')[1]);
  bytes = Buffer.from(new Uint8Array(await readFile(photo)).buffer);
});

/** A view of the bytes in the middle of a larger buffer. */
function within(data: Uint8Array): Uint8Array {
  const room = new Uint8Array(data.length + 20);
  room.set(data, 7);
  return room.subarray(7, 7 + data.length);
}

function webStream(data: Uint8Array): ReadableStream<Uint8Array> {
  return new Blob([new Uint8Array(data)]).stream();
}

describe.each([{ worker: false }, { worker: true }])('$worker', ({ worker }) => {
  let recogniser: Recogniser;
  let expected: Prediction;
  beforeAll(async () => {
    recogniser = await loadRecogniser(run, { threads: 1, worker });
    expected = await recogniser.predict(photo);
  });
  afterAll(() => recogniser.close());

  const forms: Record<string, () => Photograph> = {
    'a file URL': () => pathToFileURL(photo),
    'a file URL as text': () => pathToFileURL(photo).href,
    'a Buffer': () => bytes,
    'a view of a larger buffer': () => within(bytes),
    'an ArrayBuffer': () => new Uint8Array(bytes).buffer,
    'a DataView': () => new DataView(new Uint8Array(bytes).buffer),
    'a Blob': () => new Blob([bytes]),
    'a File': () => new File([bytes], 'bird.jpg'),
    'a stream of Node': () => createReadStream(photo, { highWaterMark: 500 }),
    'a web stream': () => webStream(bytes),
    'a body of a response': () => new Response(bytes).body!,
    'an iterable of chunks': () => Readable.from([bytes.subarray(0, 99), bytes.subarray(99)]),
  };

  test.each(Object.keys(forms))('%s is a photograph', async (form) => {
    expect(await recogniser.predict(forms[form]())).toEqual(expected);
  });

  test('pixels are one too, clamped ones as well, and they stay the caller’s', async () => {
    const { width, height, data } = await decodeImage(photo);
    expect(await recogniser.predict({ width, height, data })).toEqual(expected);
    const clamped = new Uint8ClampedArray(data) as unknown as Uint8Array;
    expect(await recogniser.predict({ width, height, data: clamped })).toEqual(expected);
    expect(data).toHaveLength(width * height * 3);
    expect(await recogniser.predict(bytes)).toEqual(expected);
  });

  test('explaining takes what serves once', async () => {
    const { prediction } = await explainPhoto(recogniser, createReadStream(photo));
    expect(prediction).toEqual(expected);
  });

  test('without evidence the answers are the same, and nothing explains them', async () => {
    const plain = await loadRecogniser(run, { worker, evidence: false });
    const { evidence, ...answers } = await plain.predict(photo);
    const { evidence: full, ...same } = expected;
    expect(answers).toEqual(same);
    const { activation, heat, mapSize, ...seen } = evidence;
    expect([activation.length, heat.length, mapSize.h, mapSize.w]).toEqual([0, 0, 0, 0]);
    expect(full.heat.length).toBeGreaterThan(0);
    expect(seen).toEqual({ crop: full.crop, boxes: full.boxes, descriptors: undefined });
    await expect(explainPhoto(plain, photo)).rejects.toMatchObject({
      code: 'FM_USAGE',
      message: expect.stringContaining('evidence: false'),
    });
    await plain.close();
    await expect(
      loadRecogniser(run, { worker, evidence: false, contrast: true }),
    ).rejects.toMatchObject({ code: 'FM_USAGE' });
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an empty path', '', 'an empty path'],
    ['a number', 3, 'number'],
    ['an array', [1, 2], 'an array'],
    ['a promise', Promise.resolve(1), 'an object (Promise)'],
    ['an address', 'https://example.org/a.jpg', 'a https address'],
    ['an address as URL', new URL('https://example.org/a.jpg'), 'a https address'],
    ['a data address', 'data:image/png;base64,AAAA', 'a data address'],
    ['a response', new Response('x'), 'an object (Response)'],
    ['pixels with opacity', { width: 2, height: 2, data: new Uint8Array(16) }, 'every fourth byte'],
    ['too few pixels', { width: 2, height: 2, data: new Uint8Array(3) }, '3 bytes for 2 x 2'],
    ['pixels of no size', { data: new Uint8Array(3) }, 'undefined x undefined'],
    ['pixels as numbers', { width: 1, height: 1, data: [1, 2, 3] }, 'an array for 1 x 1'],
  ])('%s is no photograph', async (_, given, got) => {
    await expect(recogniser.predict(given as Photograph)).rejects.toMatchObject({
      code: 'FM_USAGE',
      message: expect.stringContaining(got),
    });
  });

  test('what is no image is FM_IMAGE, by the name that it has', async () => {
    const broken = Readable.from(
      (async function* () {
        yield bytes.subarray(0, 50);
        throw new Error('connection lost');
      })(),
    );
    const cases: [Photograph, RegExp][] = [
      [join(world.folder, 'none.jpg'), /none\.jpg: /],
      [new File(['<html>'], 'page.jpg'), /^page\.jpg: .*web page/],
      [new ArrayBuffer(0), /empty/],
      [broken, /^stream: .*connection lost/],
      [Readable.from(['text']), /^stream: .*string/],
      [Readable.from([]), /^stream: .*empty/],
    ];
    for (const [given, message] of cases) {
      await expect(recogniser.predict(given)).rejects.toMatchObject({
        code: 'FM_IMAGE',
        message: expect.stringMatching(message),
      });
    }
    const read = webStream(bytes);
    await recogniser.predict(read);
    await expect(recogniser.predict(read)).rejects.toMatchObject({ code: 'FM_IMAGE' });
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3' as unknown as number])(
    'topK %s is refused',
    async (topK) => {
      const message = expect.stringMatching(/^topK: expected a whole number, at least 1, got/);
      const refused = { code: 'FM_USAGE', message };
      await expect(recogniser.predict(photo, { topK })).rejects.toMatchObject(refused);
    },
  );

  test('rivals and boxes that cannot be meant are refused', async () => {
    const refused = (message: RegExp) => ({
      code: 'FM_USAGE',
      message: expect.stringMatching(message),
    });
    for (const [versus, message] of [
      [1, /^versus: expected a recogniser that was loaded with \{ contrast: true \}/],
      [4, /^versus: expected the label of a class, 0 to 3, got 4/],
      [-1, /^versus: /],
    ] as const) {
      const answer = recogniser.predict(photo, { versus });
      await expect(answer).rejects.toMatchObject(refused(message));
    }
    for (const box of [
      [0, 0, 0, 5],
      [0, Number.NaN, 5, 5],
      [1, 2, 3],
    ] as unknown as Box[]) {
      const answer = recogniser.predict(photo, { within: box });
      await expect(answer).rejects.toMatchObject(refused(/^within: expected a box/));
    }
    const view = recogniser.predictView(noiseImage(31, 32), [0, 0, 1, 1]);
    await expect(view).rejects.toMatchObject(
      refused(/^view: expected .* 32 x 32 pixels, got 31 x 32/),
    );
  });

  test('many at once are answered as one by one', async () => {
    const images = Array.from({ length: 12 }, (_, i) => noiseImage(40 + i, 50, i + 1));
    const together = await Promise.all(images.map((image) => recogniser.predict(image)));
    for (const [i, image] of images.entries()) {
      expect(await recogniser.predict(image)).toEqual(together[i]);
    }
  });

  test('closing waits for predictions under way, twice is no error, later ones are', async () => {
    const other = await loadRecogniser(run, { threads: 1, worker });
    const under = [
      other.predict(photo),
      other.predict(createReadStream(photo)),
      other.predict('x'),
    ];
    const closing = [other.close(), other.close()];
    const [first, second, failed] = await Promise.allSettled(under);
    expect(first).toEqual({ status: 'fulfilled', value: expected });
    expect(second).toEqual({ status: 'fulfilled', value: expected });
    expect(failed).toMatchObject({ reason: { code: 'FM_IMAGE' } });
    await Promise.all(closing);
    await other.close();
    for (const late of [
      other.predict(photo),
      other.predictView(noiseImage(32, 32), [0, 0, 1, 1]),
    ]) {
      await expect(late).rejects.toMatchObject({
        code: 'FM_USAGE',
        message: expect.stringMatching(
          /^recogniser: expected it to be open, got a call after close/,
        ),
      });
    }
  });

  test('a rival is set against the answer', async () => {
    const open = await loadRecogniser(run, { threads: 1, contrast: true, worker });
    const [answer, rival] = (await open.predict(photo)).answers;
    const { evidence, answers } = await open.predict(photo, { versus: rival.label });
    expect(answers[0]).toEqual(answer);
    expect(evidence.heat).not.toEqual(expected.evidence.heat);
    await open.close();
  });

  test('a network whose numbers are not finite ranks nothing', async () => {
    const broken = new Proxy(recogniser.session, {
      get: (session, key) =>
        key !== 'run'
          ? Reflect.get(session, key)
          : async (feeds: Parameters<typeof session.run>[0]) => {
              const out = await session.run(feeds);
              (out.probabilities.data as Float32Array)[2] = Number.NaN;
              return out;
            },
    });
    const { Recogniser: Class } = await import('../../src/recognise/recogniser.ts');
    const diverged = new Class(recogniser.manifest, broken, {
      look: lookHere(recogniser.manifest),
    });
    await expect(diverged.predict(photo)).rejects.toMatchObject({
      code: 'FM_RUNTIME',
      message: expect.stringMatching(/^model: expected probabilities that are numbers, got NaN/),
    });
  });

  test('no model, and a damaged one, are the errors that they are', async () => {
    await expect(loadRecogniser('/nowhere', { worker })).rejects.toMatchObject({
      code: 'FM_RUN',
      message: expect.stringContaining('/nowhere: expected a trained model'),
    });
    const folder = await temporaryFolder();
    await cp(join(run, 'model'), folder, { recursive: true });
    await writeFile(join(folder, 'model.onnx'), 'x');
    await expect(loadRecogniser(folder, { worker })).rejects.toMatchObject({ code: 'FM_FORMAT' });
  });
});

describe('a recogniser in a worker thread', () => {
  /** Runs a program of somebody who uses the library, in which `recogniser` is loaded. */
  async function program(body: string) {
    const script = `
      import { loadRecogniser } from './src/index.ts';
      const recogniser = await loadRecogniser(${JSON.stringify(run)}, { worker: true, threads: 1 });
      const photo = ${JSON.stringify(photo)};
      ${body}`;
    return await startScript(script, { env: { FIELDMARK_FLAGS: undefined } }).ended;
  }

  test('does not keep the process, and holds it while it owes an answer', async () => {
    const outcome = await program(`
      void recogniser.predict(photo).then(({ answers }) => console.log(answers.length));`);
    expect(outcome).toMatchObject({ status: 0, stdout: '4\n', stderr: '' });
  });

  test('may be left in the middle', async () => {
    const outcome = await program(`
      void recogniser.predict(photo);
      setTimeout(() => process.exit(3), 1);`);
    expect(outcome).toMatchObject({ status: 3, stderr: '' });
  });

  test('leaves this thread free', async () => {
    const images = hostTensor('uint8', [256, 32, 32, 3], noiseImage(32 * 256, 32, 1).data);
    /** Milliseconds in which this thread was busy with some hundreds of images. */
    const busy = async (worker: boolean) => {
      const recogniser = await loadRecogniser(run, { threads: 1, worker });
      await recogniser.session.run({ image: images });
      const before = performance.eventLoopUtilization();
      for (let i = 0; i < 4; i++) await recogniser.session.run({ image: images });
      const { active } = performance.eventLoopUtilization(before);
      await recogniser.close();
      return active;
    };
    expect(await busy(true)).toBeLessThan((await busy(false)) / 3);
  });

  test('a photograph is read where the process stands', async () => {
    await copyFile(photo, join(world.folder, 'here.jpg'));
    const outcome = await program(`
      process.chdir(${JSON.stringify(world.folder)});
      const { answers } = await recogniser.predict('here.jpg');
      await recogniser.close();
      console.log(answers.length);`);
    expect(outcome).toMatchObject({ status: 0, stdout: '4\n', stderr: '' });
  });
});

test('in a program no message speaks of flags', async () => {
  const script = `
    import { loadRecogniser, train, openDataset } from './src/index.ts';
    const out = ${JSON.stringify(run)};
    const tries = [
      () => loadRecogniser('.'),
      () => train({ out, config: { data: ${JSON.stringify(world.data)}, weights: 'none' } }),
      () => train({ out: 'x', config: { data: 'src', backbone: 'resnet' } }),
      () => train({ out: '/tmp/none', mode: 'resume', config: { data: 'src' } }),
    ];
    for (const attempt of tries) {
      await attempt().then(() => console.log('done'), ({ code, message }) => console.log(code, message));
    }`;
  const { stdout, stderr } = await startScript(script, { env: { FIELDMARK_FLAGS: undefined } })
    .ended;
  const lines = stdout.trimEnd().split('\n');
  expect(lines, stderr).toHaveLength(4);
  expect(lines[0]).toMatch(/^FM_RUN .*Finish the run \(mode 'resume'\), or check the path\.$/);
  expect(lines[1]).toMatch(
    /^FM_RUN .*Pass mode 'resume' to continue it, mode 'overwrite' to replace it/,
  );
  for (const line of lines) expect(line).not.toMatch(/ '?--/);
});
