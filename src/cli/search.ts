// fieldmark search

import { stat } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { fail } from '../core/errors.ts';
import type { BuiltIndex } from '../recognise/photo-index.ts';
import type { Neighbour } from '../search/vector-store.ts';
import { imageOptions, interruptible, maxPixelsOf, wholeNumber } from './options.ts';
import { note, print, printJson, showProgress } from './output.ts';
import { photosOf } from './photo-arguments.ts';

interface Flags {
  build?: string;
  model?: string;
  backbone: string;
  weights?: string;
  size: number;
  layers: '1' | '2';
  flip: boolean;
  whiten?: number;
  skipBad?: boolean;
  maxMegapixels?: number;
  skipUnreadable?: boolean;
  overwrite?: boolean;
  top: number;
  rerank?: boolean;
  out?: string;
  threads?: number;
  workers?: number;
  json?: boolean;
}

export function searchCommand(): Command {
  return new Command('search')
    .description('build an index of the photographs in a folder, and find those that look alike')
    .argument('<index>', 'index file')
    .argument('[photo...]', 'photographs to find the like of, or folders that hold some')
    .option('--build <dir>', 'describe the photographs below this folder and write the index')
    .option('--model <run>', 'describe them by a trained model: its run folder')
    .option('--weights <file>', 'or by SCDA of a frozen network with these weights')
    .option('--backbone <name>', 'the network of --weights', 'mobilenet_v2')
    .option('--size <pixels>', 'what it sees, with --weights', wholeNumber(32), 256)
    .addOption(
      new Option('--layers <n>', 'layers of SCDA, with --weights').choices(['1', '2']).default('2'),
    )
    .option('--no-flip', 'with --weights: leave the mirror image out, in half the time')
    .option('--whiten <n>', 'whiten descriptors to so many numbers', wholeNumber(1))
    .addOption(imageOptions.skipBad)
    .addOption(imageOptions.maxMegapixels)
    .addOption(new Option('--skip-unreadable', 'the former name of --skip-bad').hideHelp())
    .option('--overwrite', 'replace the index')
    .option('-k, --top <n>', 'photographs to return', wholeNumber(1), 10)
    .option('--rerank', 'order them by common neighbours (k-reciprocal re-ranking)')
    .option('--out <file.png>', 'draw what was found')
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .option('--workers <n>', 'threads that decode images (default: 1)', wholeNumber())
    .option('--json', 'end with one line of JSON')
    .action(run);
}

function usage(expected: string, got: string) {
  return fail('FM_USAGE', 'search', { expected, got, next: "See 'fieldmark search --help'." });
}

async function run(index: string, named: string[], flags: Flags): Promise<void> {
  if (flags.build === undefined && named.length === 0) {
    throw usage('photographs to search for, or --build <dir>', 'neither');
  }
  if (flags.model !== undefined && flags.weights !== undefined) {
    throw usage('either --model or --weights', 'both');
  }
  const photos = named.length === 0 ? [] : await photosOf('search', named);
  const built = flags.build === undefined ? undefined : await build(index, flags.build, flags);
  const results = photos.length === 0 ? [] : await search(index, photos, flags);
  if (flags.json) printJson({ index, ...built, results });
}

async function build(index: string, folder: string, flags: Flags) {
  if (flags.overwrite !== true && (await exists(index))) {
    throw fail('FM_INDEX', index, {
      expected: 'a file that is not there yet',
      got: 'one that is',
      next: 'Replace it with --overwrite, or name another.',
    });
  }
  const describer = await chosenDescriber(flags);
  if (describer === undefined) throw usage('--model <run> or --weights <file>', 'neither');
  const { buildPhotoIndex } = await import('../recognise/photo-index.ts');
  const signal = interruptible('stopping; what is described is kept');
  const found = await buildPhotoIndex(folder, describer, {
    whiten: flags.whiten,
    skipBad: flags.skipBad ?? flags.skipUnreadable,
    maxPixels: maxPixelsOf(flags.maxMegapixels),
    workers: flags.workers,
    onProgress: showProgress,
    onNote: note,
    signal,
  }).finally(() => describer.close());
  await found.store.save(index, found.about);
  await found.store.close();
  return await report(index, found);
}

async function report(index: string, { store, skipped }: BuiltIndex) {
  for (const { path, got } of skipped.slice(0, 10)) note(`left out ${path}: ${got}`);
  const { length } = store.items;
  print(`${length} photographs, ${store.dimension} numbers each: ${index}`);
  const { leftOutInWords, tellLeftOut } = await import('../data/bad-images.ts');
  if (skipped.length > 0) print(leftOutInWords(await tellLeftOut(skipped)));
  return {
    photographs: length,
    dimension: store.dimension,
    skipped: skipped.map(({ path, kind, got }) => ({ path, kind, reason: got })),
  };
}

/** What --model or --weights ask for. */
async function chosenDescriber({ threads, model, weights, ...flags }: Flags) {
  const { frozenDescriber, runDescriber } = await import('../recognise/describer.ts');
  if (model !== undefined) return await runDescriber(model, { threads });
  if (weights === undefined) return undefined;
  const { backbone, size, flip } = flags;
  const layers = flags.layers === '1' ? 1 : 2;
  return await frozenDescriber({ backbone, weights, size, layers, flip }, { threads });
}

async function search(index: string, photos: readonly string[], flags: Flags) {
  const { ExactStore } = await import('../search/exact-store.ts');
  const { describerOf } = await import('../recognise/describer.ts');
  const { searchPhotos } = await import('../recognise/photo-index.ts');
  const loaded = await ExactStore.load(index);
  const { threads, top, rerank } = flags;
  const maxPixels = maxPixelsOf(flags.maxMegapixels);
  const describer =
    (await chosenDescriber(flags)) ?? (await describerOf(loaded.about.model, { threads }));
  const options = { top, rerank, maxPixels };
  const found = await searchPhotos(index, loaded, describer, photos, options).finally(() =>
    describer.close(),
  );
  await loaded.store.close();
  const rows = photos.map((photo, i) => ({ photo, found: found[i] }));
  for (const row of rows) printRow(row);
  if (flags.out !== undefined) await draw(flags.out, rows);
  return rows.map(({ photo, found }) => ({
    photo,
    found: found.map(({ item, similarity }) => ({ ...item, similarity })),
  }));
}

function printRow({ photo, found }: { photo: string; found: readonly Neighbour[] }): void {
  print(photo);
  for (const { item, similarity } of found) {
    print(`  ${similarity.toFixed(3).padStart(6)}  ${item.path}`);
  }
}

async function draw(
  out: string,
  rows: readonly { photo: string; found: readonly Neighbour[] }[],
): Promise<void> {
  const { contactSheet } = await import('../recognise/contact-sheet.ts');
  const { encodePng } = await import('../data/image/decode.ts');
  const { writeAtomic } = await import('../formats/atomic-file.ts');
  await writeAtomic(out, await encodePng(await contactSheet(rows)));
  print(`picture: ${out}`);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
