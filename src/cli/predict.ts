// fieldmark predict

import { Command } from 'commander';
import { FieldmarkError } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import { type Cell, csv } from '../formats/csv.ts';
import { shownName } from '../recognise/class-name.ts';
import type { Manifest } from '../recognise/manifest.ts';
import type { Prediction } from '../recognise/recogniser.ts';
import { boxNumbers, boxToSee } from './box-option.ts';
import { imageOptions, maxPixelsOf, wholeNumber } from './options.ts';
import { note, percent, print, printJson } from './output.ts';
import { photosOf } from './photo-arguments.ts';

interface Flags {
  topK: number;
  list?: string;
  csv?: string;
  box?: Box;
  threads?: number;
  skipBad?: boolean;
  maxMegapixels?: number;
  json?: boolean;
}

export function predictCommand(): Command {
  return new Command('predict')
    .description('name what is in photographs, with calibrated confidence')
    .argument('<run>', 'run folder, or a folder with model.onnx and fieldmark.json')
    .argument('[photo...]', 'image files, or folders that hold some')
    .option('--list <file>', "a file that names photographs, one a line; '-' is standard input")
    .option('-k, --top-k <n>', 'answers for each photograph', wholeNumber(1), 5)
    .option('--csv <file>', 'also write the answers as a table')
    .option(
      '--box <x,y,width,height>',
      "the object's box in pixels, for models of boxes",
      boxNumbers,
    )
    .option('--threads <n>', 'threads of the engine (default: all processors)', wholeNumber(1))
    .addOption(imageOptions.skipBad)
    .addOption(imageOptions.maxMegapixels)
    .option('--json', 'end with one line of JSON')
    .action(run);
}

async function run(folder: string, named: string[], flags: Flags): Promise<void> {
  const photos = await photosOf(named, flags.list);
  const { loadRecogniser } = await import('../recognise/recogniser.ts');
  const recogniser = await loadRecogniser(folder, { threads: flags.threads });
  const within = boxToSee(recogniser, photos, flags.box);
  const { topK, skipBad } = flags;
  const options = { topK, within, maxPixels: maxPixelsOf(flags.maxMegapixels) };
  const results: object[] = [];
  const rows: Cell[][] = [];
  const keep = { json: flags.json === true, csv: flags.csv !== undefined };
  let [leftOut, failed] = [0, 0];
  for (const photo of photos) {
    try {
      const prediction = await recogniser.predict(photo, options);
      printPrediction(photo, prediction);
      const { answers, levels } = prediction;
      if (keep.json) results.push({ photo, answers, levels });
      if (keep.csv) rows.push(rowOf(photo, prediction, recogniser.manifest, topK));
    } catch (cause) {
      // one bad photograph does not keep the others from being answered
      if (!(cause instanceof FieldmarkError) || cause.code !== 'FM_IMAGE') throw cause;
      if (photos.length === 1 && !skipBad) throw cause;
      if (skipBad) leftOut++;
      else failed++;
      note(`error: ${cause.message}`);
      if (keep.json) results.push({ photo, error: cause.message });
      if (keep.csv) rows.push([photo, cause.message]);
    }
  }
  await recogniser.close();
  if (leftOut > 0) print(`${leftOut} of ${photos.length} photographs left out`);
  if (failed > 0) {
    print(`${failed} of ${photos.length} photographs could not be read; the reasons are above`);
    process.exitCode = 1;
  }
  if (flags.csv !== undefined) {
    const { writeAtomic } = await import('../formats/atomic-file.ts');
    await writeAtomic(flags.csv, csv([headingOf(recogniser.manifest, topK), ...rows]));
    print(`table: ${flags.csv}`);
  }
  if (flags.json) printJson({ predictions: results, ...(skipBad ? { leftOut } : {}) });
}

function printPrediction(photo: string, { answers, levels }: Prediction): void {
  print(photo);
  for (const { level, name, confidence } of levels) {
    print(`  ${percent(confidence).padStart(7)}  ${shownName(name)}  (${shownName(level)})`);
  }
  for (const { name, confidence } of answers) {
    print(`  ${percent(confidence).padStart(7)}  ${shownName(name)}`);
  }
}

/** Answers of the table: no more than there are classes. */
function answersIn({ classes }: Manifest, topK: number): number[] {
  return Array.from({ length: Math.min(topK, classes.length) }, (_, i) => i + 1);
}

function headingOf(manifest: Manifest, topK: number): string[] {
  const levels = (manifest.hierarchy ?? []).map(({ name }) => name);
  return [
    'photo',
    'error',
    ...levels.flatMap((name) => [name, `confidence of ${name}`]),
    ...answersIn(manifest, topK).flatMap((n) => [`answer ${n}`, `confidence ${n}`]),
  ];
}

function rowOf(
  photo: string,
  { answers, levels }: Prediction,
  manifest: Manifest,
  topK: number,
): Cell[] {
  const pairs = [...levels, ...answersIn(manifest, topK).map((n) => answers[n - 1])];
  return [photo, '', ...pairs.flatMap(({ name, confidence }) => [name, confidence])];
}
