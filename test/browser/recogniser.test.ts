// The entry for browsers, bundled as a page would, in headless Chromium, against Node.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { openDataset } from '../../src/data/datasets/table.ts';
import { loadRecogniser } from '../../src/recognise/load-recogniser.ts';
import { train } from '../../src/train/train.ts';
import type { PageOutcome } from '../support/browser-page.ts';
import { temporaryFolder } from '../support/files.ts';
import { sharedPath } from '../support/images.ts';
import { tinyWorld, trainHere } from '../support/tiny-run.ts';

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);
if (chromium === undefined) console.info('the page in Chromium is skipped: no Chromium is there');

const world = tinyWorld();

/** As a page's bundler does it: whatever knows Node would be an error here. */
async function bundled(entry: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    minify: true,
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0].contents;
}

test('the entry bundles without anything of Node, to less than 60 kB compressed', async () => {
  const bundle = await bundled('../../src/browser.ts');
  expect(gzipSync(bundle).length).toBeLessThan(60_000);
  expect(new TextDecoder().decode(bundle)).not.toMatch(/["']node:/);
});

/** Photographs of the dataset, some of them as other files: turned, grey, transparent. */
async function photographs(): Promise<Map<string, Buffer>> {
  const list = (await readFile(join(world.data, 'images.txt'), 'utf8')).trim().split('\n');
  const files = list.slice(0, 20).map((line) => join(world.data, 'images', line.split(' ')[1]));
  const photos = new Map<string, Buffer>();
  for (const [i, file] of files.entries()) {
    const image = sharp(await readFile(file)).resize(90, 120, { fit: 'fill' });
    const coded = [
      () => image.jpeg({ chromaSubsampling: '4:4:4' }),
      () => image.png(),
      () => image.withMetadata({ orientation: 6 }).jpeg({ chromaSubsampling: '4:4:4' }),
      () => image.grayscale().jpeg(),
      () => image.ensureAlpha(0.5).png(),
      () => image.webp({ lossless: true }),
    ][i % 6]();
    photos.set(`/photos/${i}`, await coded.toBuffer());
  }
  return photos;
}

interface Site {
  readonly address: string;
  readonly outcome: Promise<PageOutcome>;
  close(): void;
}

/** Serves the page, the engine, the model and the photographs on loopback. */
async function site(files: ReadonlyMap<string, Uint8Array>): Promise<Site> {
  let arrived: (outcome: PageOutcome) => void;
  const outcome = new Promise<PageOutcome>((resolve) => {
    arrived = resolve;
  });
  const kinds: Record<string, string> = { mjs: 'text/javascript', wasm: 'application/wasm' };
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    if (path === '/outcome') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      arrived(JSON.parse(Buffer.concat(chunks).toString()));
      response.end();
      return;
    }
    const ort = `../../node_modules/onnxruntime-web/dist/${path.slice(5)}`;
    const file = path.startsWith('/ort/')
      ? await readFile(new URL(ort, import.meta.url))
      : files.get(path);
    const kind = path === '/' ? 'text/html' : kinds[path.split('.').at(-1)!];
    response.writeHead(file ? 200 : 404, kind ? { 'content-type': kind } : {}).end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, outcome, close: () => server.close() };
}

/** Answers photographs in Chromium and in Node; the page's outcome, and the largest difference. */
async function compared(run: string, photos: ReadonlyMap<string, Uint8Array>) {
  const model = join(run, 'model');
  const page = await site(
    new Map<string, Uint8Array>([
      ['/', Buffer.from('<!doctype html><script type="module" src="/page.mjs"></script>')],
      ['/page.mjs', await bundled('../support/browser-page.ts')],
      ['/model/model.onnx', await readFile(join(model, 'model.onnx'))],
      ['/model/fieldmark.json', await readFile(join(model, 'fieldmark.json'))],
      ['/photos.json', Buffer.from(JSON.stringify([...photos.keys()]))],
      ...photos,
    ]),
  );
  const profile = join(await temporaryFolder(), 'profile');
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`];
  const browser = spawn(chromium!, [...flags, page.address], { stdio: 'ignore' });
  const recogniser = await loadRecogniser(run);
  try {
    const { answers, refused, error } = await page.outcome;
    expect(error).toBeUndefined();
    expect(answers).toHaveLength(photos.size);
    let worst = 0;
    for (const [i, bytes] of [...photos.values()].entries()) {
      const here = await recogniser.predict(bytes);
      expect(answers![i].labels).toEqual(here.answers.map(({ label }) => label));
      expect(answers![i].crop).toEqual(here.evidence.crop);
      for (const [rank, { confidence }] of here.answers.entries()) {
        worst = Math.max(worst, Math.abs(confidence - answers![i].confidences[rank]));
      }
    }
    return { refused, worst };
  } finally {
    await recogniser.close();
    const ended = new Promise((resolve) => browser.once('exit', resolve));
    browser.kill();
    await ended;
    page.close();
  }
}

test.skipIf(chromium === undefined)(
  'twenty photographs are answered as Node answers them',
  { timeout: 120_000 },
  async () => {
    const run = join(world.folder, 'run');
    await trainHere(world.data, run, { epochs: 3 });
    const { refused, worst } = await compared(run, await photographs());
    expect(worst).toBeLessThan(1e-3);
    expect(refused).toEqual({
      text: expect.stringMatching(/^FM_IMAGE photograph: expected an image that this browser/),
      missing: expect.stringMatching(/^FM_IMAGE \/photos\/none\.jpg: .*status 404/),
      large: expect.stringMatching(/^FM_IMAGE .*at most 0\.0001 megapixels/),
      number: expect.stringMatching(/^FM_USAGE photograph: .*got number/),
      model: expect.stringMatching(/^FM_RUN http.*\/nothing\/.*status 404/),
      other: expect.stringMatching(/^FM_FORMAT model\.onnx: .*another or a damaged one/),
    });
  },
);

const full = process.env.FIELDMARK_FULL !== undefined;
const cub = full ? sharedPath('data/CUB_200_2011-first10') : undefined;
const weights = full ? sharedPath('weights/mobilenet_v2-inat_birds.safetensors') : undefined;

test.skipIf(chromium === undefined || cub === undefined || weights === undefined)(
  'and forty photographs of birds by MobileNetV2',
  { timeout: 300_000 },
  async () => {
    const run = join(world.folder, 'cub');
    const config = { data: cub!, weights: weights!, stages: 'head' };
    await train({ out: run, config });
    const { examples } = await openDataset(cub!);
    const chosen = examples.filter(({ split }) => split === 'test').filter((_, i) => i % 6 === 0);
    const photos = await Promise.all(
      chosen
        .slice(0, 40)
        .map(async ({ path }, i) => [`/photos/${i}`, await readFile(path)] as const),
    );
    const { worst } = await compared(run, new Map(photos));
    console.info(`largest difference of a probability: ${worst}`);
    expect(worst).toBeLessThan(1e-3);
  },
);
