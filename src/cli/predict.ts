// fieldmark predict

import { Command } from 'commander';
import { FieldmarkError } from '../core/errors.ts';
import type { Box } from '../core/example.ts';
import { shownName } from '../recognise/class-name.ts';
import { keepsLittle, longInWords } from '../recognise/cut-object.ts';
import type { Prediction, PredictOptions, Recogniser } from '../recognise/recogniser.ts';
import { openTable } from './answer-table.ts';
import { boxNumbers, boxToSee } from './box-option.ts';
import { imageOptions, interruptible, maxPixelsOf, wholeNumber } from './options.ts';
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
  const { loadRecogniser } = await import('../recognise/load-recogniser.ts');
  const recogniser = await loadRecogniser(folder, { threads: flags.threads, evidence: false });
  try {
    const photos = await photosOf('predict', named, flags.list);
    await answer(recogniser, photos, flags);
  } finally {
    await recogniser.close();
  }
}

async function answer(recogniser: Recogniser, photos: string[], flags: Flags): Promise<void> {
  const { topK, skipBad, csv } = flags;
  const within = boxToSee(recogniser, photos, flags.box);
  const options = { topK, within, maxPixels: maxPixelsOf(flags.maxMegapixels) };
  const { manifest, geometry } = recogniser;
  const table = csv === undefined ? undefined : await openTable(csv, photos, { manifest, topK });
  // one object of JSON needs all of its parts; nothing else is kept
  const results: object[] | undefined = flags.json ? [] : undefined;
  const long: string[] = [];
  const signal = interruptible();
  let bad = 0;
  try {
    for (const photo of photos) {
      signal.throwIfAborted();
      const found = await predictOrFault(recogniser, photo, options);
      await table?.add(photo, found);
      if (found instanceof FieldmarkError) {
        if (photos.length === 1 && !skipBad) throw found;
        bad++;
        note(`error: ${found.message}`);
        results?.push({ photo, error: found.message });
        continue;
      }
      printPrediction(photo, found);
      const { answers, levels, evidence } = found;
      const isLong = within === undefined && keepsLittle(evidence.crop, geometry.mode);
      if (isLong) long.push(photo);
      results?.push({ photo, answers, levels, ...(isLong ? { cut: longInWords([photo]) } : {}) });
    }
    await table?.commit();
  } catch (cause) {
    await table?.discard();
    throw cause;
  }
  if (long.length > 0) note(longInWords(long));
  if (bad > 0) tellBad(bad, photos.length, skipBad);
  if (csv !== undefined) print(`table: ${csv}`);
  if (results !== undefined) {
    printJson({ predictions: results, ...(skipBad ? { leftOut: bad } : {}) });
  }
}

/** One bad photograph does not keep the others from being answered. */
async function predictOrFault(
  recogniser: Recogniser,
  photo: string,
  options: PredictOptions,
): Promise<Prediction | FieldmarkError> {
  return await recogniser.predict(photo, options).catch((cause) => {
    if (cause instanceof FieldmarkError && cause.code === 'FM_IMAGE') return cause;
    throw cause;
  });
}

function tellBad(bad: number, all: number, skipBad: boolean | undefined): void {
  if (skipBad) print(`${bad} of ${all} photographs left out`);
  else {
    print(`${bad} of ${all} photographs could not be read; the reasons are above`);
    process.exitCode = 1;
  }
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
