import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FieldmarkError } from '../../src/core/errors.ts';
import {
  type BatchItem,
  type BatchRequest,
  type BatchView,
  planEpoch,
} from '../../src/data/batch.ts';
import { encodePng } from '../../src/data/image/decode.ts';
import { createLoader, type LoaderOptions } from '../../src/data/loader.ts';
import { noiseImage } from '../support/images.ts';

let folder: string;
let items: BatchItem[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldmark-loader-'));
  items = await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const path = join(folder, `${index}.png`);
      await writeFile(path, await encodePng(noiseImage(40 + index, 50, index)));
      return { index, id: `${index}.png`, path };
    }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

const view: BatchView = {
  kind: 'augment',
  size: 24,
  options: { jitter: { brightness: 0.3, hue: 0.1 }, erase: { p: 0.5 } },
};

/** Batches of three over the ten pictures, the last one short. */
function requests(epoch = 0, from: BatchItem[] = items): LoaderOptions['request'] {
  const batches = planEpoch(from.length, 3, 5, epoch);
  return (b): BatchRequest | undefined =>
    batches[b] && { items: batches[b].map((i) => from[i]), view, seed: 5, epoch };
}

/** Everything that a loader gives for the epoch, as one buffer. */
async function wholeEpoch(options: LoaderOptions): Promise<Buffer> {
  const loader = createLoader(options);
  const parts: Uint8Array[] = [];
  for (let b = 0; options.request(b); b++) parts.push((await loader.next(b)).images);
  await loader.close();
  return Buffer.concat(parts);
}

test('the same bytes whatever the number of workers, other bytes in another epoch', async () => {
  const alone = await wholeEpoch({ request: requests(), workers: 0 });
  expect(alone).toHaveLength(10 * 24 * 24 * 3);
  for (const workers of [1, 2]) {
    const bytes = await wholeEpoch({ request: requests(), workers, ahead: workers * 2 });
    expect(Buffer.compare(bytes, alone), `${workers} workers`).toBe(0);
  }
  expect(Buffer.compare(await wholeEpoch({ request: requests(1), workers: 0 }), alone)).not.toBe(0);
});

test('resuming in the middle gives what an uninterrupted run saw', async () => {
  const loader = createLoader({ request: requests() });
  const late = await loader.next(2);
  const first = await loader.next(0);
  const again = await loader.next(2);
  await loader.close();
  expect(late.indices).toEqual(again.indices);
  expect(Buffer.compare(late.images, again.images)).toBe(0);
  expect(first.indices).toHaveLength(3);
});

test('a damaged image rejects its own batch, by name', async () => {
  const bad = { index: 3, id: 'bad.jpg', path: join(folder, 'bad.jpg') };
  await writeFile(bad.path, 'no image');
  const mixed = items.map((item) => (item.index === 3 ? bad : item));
  const batches = [mixed.slice(0, 3), mixed.slice(3, 6), mixed.slice(6)];
  const request = (b: number) => batches[b] && { items: batches[b], view, seed: 1, epoch: 0 };
  for (const workers of [0, 1]) {
    const loader = createLoader({ request, workers });
    await expect(loader.next(0)).resolves.toBeDefined();
    const error = await loader.next(1).catch((cause) => cause);
    expect(error).toBeInstanceOf(FieldmarkError);
    expect(error).toMatchObject({ code: 'FM_IMAGE', name: 'FieldmarkError' });
    expect(error.fault).toEqual({ kind: 'not-an-image', got: 'text ("no image")' });
    expect(error.message).toContain(bad.path);
    await expect(loader.next(2)).resolves.toMatchObject({ indices: [6, 7, 8, 9] });
    await loader.close();
  }
});

test('past the end and after the end', async () => {
  const loader = createLoader({ request: requests() });
  await expect(loader.next(4)).rejects.toThrow('there is no batch 4');
  const underWay = loader.next(0).catch((error) => error.code ?? 'loaded');
  await loader.close();
  expect(['FM_RUNTIME', 'loaded', undefined]).toContain(
    await underWay.then((value) => (typeof value === 'string' ? value : undefined)),
  );
  await expect(loader.next(0)).rejects.toThrow('after close');
  await loader.close();
});
